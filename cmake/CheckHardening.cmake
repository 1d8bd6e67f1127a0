# Run after a program is linked: fails when what protects it is missing from what was built, whatever the flags said.
# PROGRAM, and ARCHIVES of ours that it is made of; READELF.

function(read_elf result)
    execute_process(COMMAND ${READELF} -W ${ARGN} OUTPUT_VARIABLE output ERROR_QUIET RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "${READELF} could not read ${ARGN}")
    endif()
    set(${result} "${output}" PARENT_SCOPE)
endfunction()

function(refuse what)
    file(REMOVE ${PROGRAM})
    message(FATAL_ERROR "${PROGRAM} is not hardened: ${what}")
endfunction()

function(need pattern text what)
    if(NOT text MATCHES "${pattern}")
        refuse("${what}")
    endif()
endfunction()

read_elf(program --file-header --program-headers --dynamic ${PROGRAM})
read_elf(symbols --dyn-syms ${PROGRAM})
need("FLAGS_1[^\n]*PIE" "${program}" "it stands at a fixed address (-pie)")
need("FLAGS_1[^\n]*NOW" "${program}" "it binds symbols late (-z now)")
need("GNU_RELRO" "${program}" "its tables of addresses stay writable (-z relro)")
need("GNU_STACK[^\n]* RW " "${program}" "its stack is executable (-z noexecstack)")
need("__stack_chk_fail" "${symbols}" "it does not guard its stack (-fstack-protector-strong)")
need("__[a-z]+_chk" "${symbols}" "it does not check the sizes of buffers (-D_FORTIFY_SOURCE=2)")
if(program MATCHES "TEXTREL")
    refuse("its code is relocated when it is loaded (TEXTREL)")
endif()
# Tools are started by posix_spawn() with a list of words; nothing can hand data to a shell, or look a name up in PATH.
if(symbols MATCHES " (system|popen|wordexp|execlp|execvp|execvpe|posix_spawnp)@")
    refuse("it calls ${CMAKE_MATCH_1}(), which may start a shell or search PATH")
endif()

# The linker marks a program for CET only if the C library's own start-up files are marked, which Debian's are not. So
# ours are looked at one by one.
if(program MATCHES "X86-64")
    foreach(archive ${ARCHIVES})
        read_elf(notes --notes ${archive})
        string(REGEX MATCHALL "File: " members "${notes}")
        string(REGEX MATCHALL "x86 feature: IBT, SHSTK" marked "${notes}")
        list(LENGTH members members)
        list(LENGTH marked marked)
        if(members EQUAL 0 OR NOT members EQUAL marked)
            refuse("only ${marked} of ${members} objects in ${archive} are made for CET (-fcf-protection)")
        endif()
    endforeach()
endif()
