# Compiler settings that every target shares: warnings, sanitizers, hardening, ccache.

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # ccache can only see through a precompiled header when told to overlook its time stamps.
    set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wconversion -Wsign-conversion
                    -Wno-missing-field-initializers
                    # GCC 12 warns of std::string concatenation by mistake (PR 105651).
                    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
if(FINWAITD_WERROR)
    add_compile_options(-Werror)
endif()

if(FINWAITD_SANITIZE)
    add_compile_options(-fsanitize=${FINWAITD_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    # What the library's own checks see, such as an empty optional that is read, sanitizers do not.
    add_compile_definitions(_GLIBCXX_ASSERTIONS)
    add_link_options(-fsanitize=${FINWAITD_SANITIZE})
    if(FINWAITD_SANITIZE STREQUAL "thread")
        # Asio's fences are not modelled; that is said once here instead of for each file.
        add_compile_options(-Wno-tsan)
    endif()
else()
    add_compile_options(-fstack-protector-strong -fstack-clash-protection)
    # Indirect jumps and returns go only where the program means them to, by the processor's own means.
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
        add_compile_options(-fcf-protection)
    elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64")
        add_compile_options(-mbranch-protection=standard)
    endif()
    add_compile_definitions($<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
    add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
endif()

if(FINWAITD_FUZZ)
    # Its counters are in all of the code; the targets alone link its main().
    add_compile_options(-fsanitize=fuzzer-no-link
                        # Clang 14 cannot emit coroutines with it.
                        -fno-sanitize=function
                        -fsized-deallocation)
    # Clang 14 has the coroutines of C++20, and does not say so.
    add_compile_definitions(__cpp_impl_coroutine=201902L)
endif()

include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
