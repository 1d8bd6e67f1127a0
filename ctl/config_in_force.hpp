// Which configuration a question about this machine is about: that of the daemon that runs here, or a file's.
#pragma once

#include "config/settings.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/output.hpp"
#include "machine/findings.hpp"

#include <string>
#include <variant>

namespace finwait::ctl {

struct ConfigToCheck {
    config::Settings settings;
    machine::Finding about;  // whose configuration it is, and whether its file says otherwise by now
};

/// With a `file`, that one. Without: what is in force in the daemon behind `socket`, or, where none can be
/// asked, the file at the usual place. Otherwise the code to end with: what is wrong has been printed.
[[nodiscard]] std::variant<ConfigToCheck, ExitCode> config_to_check(const std::string& file,
                                                                    const std::string& socket, Output& err);

}  // namespace finwait::ctl
