# Run after a core library is built: fails when its objects call for I/O, clocks, threads, locks or logging.

execute_process(COMMAND ${NM} --undefined-only --demangle ${ARCHIVE}
                OUTPUT_VARIABLE symbols ERROR_QUIET RESULT_VARIABLE result)
if(NOT result EQUAL 0)
    message(FATAL_ERROR "${NM} could not read ${ARCHIVE}")
endif()
set(forbidden
    "boost::asio" "spdlog::" "fmt::" "nlohmann::" "mnl_" "nfq_" "clock_gettime" "_clock::now" "gettimeofday"
    "pthread_" "std::thread" "std::mutex" " socket$" " sendmsg$" " recvmsg$" " open$" " write$" " getenv$" " printf$")
string(REPLACE "\n" ";" lines "${symbols}")
foreach(line ${lines})
    foreach(pattern ${forbidden})
        if(line MATCHES "${pattern}")
            file(REMOVE ${ARCHIVE})
            message(FATAL_ERROR "The core must not know I/O, clocks, threads or loggers: ${ARCHIVE} needs${line}")
        endif()
    endforeach()
endforeach()
