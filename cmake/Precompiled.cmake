# finwait_precompile(TARGET KIND HEADERS... [LIBRARIES ...]): compiles the headers once for all targets of a KIND, which must be all
# libraries or all programs, for their code is addressed differently. A source still includes what it needs.
# The headers are compiled by a target of their own, with what LIBRARIES define that they depend on and nothing else:
# GCC takes them where more is defined, but not where less is.

function(finwait_precompile target kind)
    cmake_parse_arguments(ARG "" "" "LIBRARIES" ${ARGN})
    set(owner precompiled_${kind})
    if(NOT TARGET ${owner})
        set(source ${CMAKE_BINARY_DIR}/${owner}.cpp)
        file(CONFIGURE OUTPUT ${source} CONTENT "")
        add_library(${owner} OBJECT ${source})
        target_precompile_headers(${owner} PRIVATE ${ARG_UNPARSED_ARGUMENTS})
        target_link_libraries(${owner} PRIVATE ${ARG_LIBRARIES})
        get_target_property(type ${target} TYPE)
        if(type STREQUAL EXECUTABLE)
            set_target_properties(${owner} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
            target_compile_options(${owner} PRIVATE -fPIE)
        endif()
    endif()
    target_precompile_headers(${target} REUSE_FROM ${owner})
endfunction()

# finwait_together(TARGETS...): where most of a source's time goes into reading Asio, JSON or CLI11, several are compiled
# as one. The presets tsan and fuzz compile each by itself, and so show what one has forgotten to include.
function(finwait_together)
    if(FINWAITD_TOGETHER)
        set_target_properties(${ARGN} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
        foreach(target ${ARGN})
            # GCC takes the sources for headers, in whose unnamed namespaces nothing should be that a coroutine keeps.
            target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
        endforeach()
    endif()
endfunction()
