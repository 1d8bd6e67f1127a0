// Which configuration a question about this machine is about: that of the daemon that runs here, or a file's.
#pragma once

#include "config/settings.hpp"
#include "control/client.hpp"
#include "ctl/check.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/output.hpp"
#include "machine/findings.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>

namespace finwait::ctl {

struct ConfigToCheck {
    config::Settings settings;
    machine::Finding about;           // whose configuration it is, and whether its file says otherwise by now
    std::uint64_t rules_missing = 0;  // firewall rules that the daemon knows to be missing; 0 without one
};

/// Where a configuration is looked for that no file is named for.
struct Places {
    std::string socket;                                       // of the daemon
    std::string usual = kDefaultConfig;                       // the file, where no daemon can be asked
    std::chrono::milliseconds patience = control::kPatience;  // with a daemon that gives no sign of life
};

/// With a `file`, that one. Without: what is in force in the daemon, or, where none can be asked, the
/// file at the usual place. Otherwise the code to end with: what is wrong has been printed.
[[nodiscard]] std::variant<ConfigToCheck, ExitCode> config_to_check(const std::string& file,
                                                                    const Places& places, Output& err);

}  // namespace finwait::ctl
