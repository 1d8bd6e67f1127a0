// One exchange with the daemon: sends a request, hands out the answer's data lines, and turns whatever goes
// wrong into a message for the operator and an exit code.
#pragma once

#include "control/client.hpp"
#include "control/protocol.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/output.hpp"
#include "policy/filter.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace finwait::ctl {

/// How far an exchange has come.
enum class Contact : std::uint8_t {
    none,    // nobody listens, or not for this user
    silent,  // the daemon is there, and gave no sign of life
    made,
};

struct Answer {
    ExitCode code = ExitCode::done;
    std::string done;                              // the JSON of the last line, when the code is done
    std::optional<control::ErrorCode> error = {};  // what the daemon called it, if it did
    Contact contact = Contact::made;
};

/// Gets the JSON of each data line; false ends the exchange early, which is no error.
using TakeData = std::function<bool(std::string_view json)>;

[[nodiscard]] Answer exchange(const std::string& socket, const control::Request& request,
                              const TakeData& take, Output& err,
                              std::chrono::milliseconds patience = control::kPatience);

/// An object; an empty one when the text is none.
[[nodiscard]] nlohmann::json parse_object(std::string_view json);

/// "finwaitctl: …", and for a filter's error the filter with a caret below the column.
void print_error(const control::Error& error, std::string_view filter, Output& err);

/// Whether the filter can be understood; otherwise prints why.
[[nodiscard]] bool check_filter(const std::string& filter, Output& err,
                                policy::Purpose purpose = policy::Purpose::query);

}  // namespace finwait::ctl
