#include "ctl/exit_code.hpp"

namespace finwait::ctl {

ExitCode exit_code(control::ErrorCode code) {
    switch (code) {
        case control::ErrorCode::command:
        case control::ErrorCode::filter:
        case control::ErrorCode::config: return ExitCode::bad_input;
        case control::ErrorCode::permission: return ExitCode::not_permitted;
        case control::ErrorCode::not_found:
        case control::ErrorCode::busy:
        case control::ErrorCode::timeout:
        case control::ErrorCode::failed: break;
    }
    return ExitCode::failed;
}

ExitCode exit_code(control::ConnectFailure failure) {
    return failure == control::ConnectFailure::not_permitted ? ExitCode::not_permitted
                                                             : ExitCode::unreachable;
}

}  // namespace finwait::ctl
