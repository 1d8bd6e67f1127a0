# The configuration as it is installed: the repository's, which has every key with its built-in default, but for `mode`.
# Who installs a daemon has not said yet that it may end connections.
function(finwait_installed_config from to)
    file(READ ${from} text)
    set(enforcing "\nmode = \"enforce\"\n")
    string(FIND "${text}" "${enforcing}" at)
    if(at EQUAL -1)
        message(FATAL_ERROR "${from} does not say mode = \"enforce\" any more")
    endif()
    string(CONCAT observing
        "\n#\n"
        "# As installed, finwaitd only watches and ends no connection. \"finwaitctl policy\" tells what it would have ended, and how\n"
        "# often that would have been right. To let it act, write \"enforce\" here, the built-in default, and then run\n"
        "# \"finwaitctl reload\".\n"
        "mode = \"observe\"\n")
    string(REPLACE "${enforcing}" "${observing}" text "${text}")
    file(GENERATE OUTPUT ${to} CONTENT "${text}")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${from})
endfunction()
