# A room is one folder of src/ and one static library. Rooms link only rooms below them; the core rooms may link
# nothing but each other, and two checks say so at build time: the link closure here, the symbols in CheckCore.cmake.

set(FINWAIT_CORE_ROOMS tcp flow policy reaper engine egress)

# finwait_room(NAME SOURCES... [HEADERS ...] [ROOMS ...] [LIBRARIES ...])
function(finwait_room name)
    cmake_parse_arguments(ARG "" "" "SOURCES;HEADERS;ROOMS;LIBRARIES" ${ARGN})
    set(target finwait_${name})
    set_property(GLOBAL APPEND PROPERTY finwait_rooms ${target})
    add_library(${target} STATIC ${ARG_SOURCES})
    target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR}/src FILES ${ARG_HEADERS})
    # "make all_verify_interface_header_sets" compiles each header alone.
    set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
    list(TRANSFORM ARG_ROOMS PREPEND finwait_)
    target_link_libraries(${target} PUBLIC ${ARG_ROOMS} ${ARG_LIBRARIES})
    if(name IN_LIST FINWAIT_CORE_ROOMS)
        add_custom_command(TARGET ${target} POST_BUILD
            COMMAND ${CMAKE_COMMAND} -DARCHIVE=$<TARGET_FILE:${target}> -DNM=${CMAKE_NM}
                    -P ${CMAKE_SOURCE_DIR}/cmake/CheckCore.cmake
            VERBATIM)
    endif()
endfunction()

# Fails the configuration when a core room links anything that is not a core room.
function(finwait_check_core)
    foreach(room ${FINWAIT_CORE_ROOMS})
        if(NOT TARGET finwait_${room})
            continue()
        endif()
        get_target_property(libraries finwait_${room} LINK_LIBRARIES)
        foreach(library ${libraries})
            string(REPLACE "finwait_" "" linked "${library}")
            if(library AND NOT linked IN_LIST FINWAIT_CORE_ROOMS)
                message(FATAL_ERROR "src/${room} is core: it may link core rooms only, and it links ${library}")
            endif()
        endforeach()
    endforeach()
endfunction()

# finwait_check_hardening(PROGRAM LIBRARIES...): after each link CheckHardening.cmake looks at the program and at these
# libraries of ours in it. Sanitizers have their own ways.
function(finwait_check_hardening program)
    if(FINWAITD_SANITIZE OR CMAKE_BUILD_TYPE STREQUAL Debug OR NOT CMAKE_BUILD_TYPE)
        return()
    endif()
    set(libraries ${ARGN})
    list(TRANSFORM libraries REPLACE "(.+)" "$<TARGET_FILE:\\1>" OUTPUT_VARIABLE archives)
    add_custom_command(TARGET ${program} POST_BUILD
        COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:${program}> "-DARCHIVES=${archives}" -DREADELF=${CMAKE_READELF}
                -P ${CMAKE_SOURCE_DIR}/cmake/CheckHardening.cmake
        VERBATIM)
endfunction()
