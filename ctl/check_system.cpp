#include "ctl/check_system.hpp"

#include "config/load.hpp"
#include "ctl/json_array.hpp"

#include <algorithm>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace finwait::ctl {

std::string findings_text(const std::vector<machine::Finding>& findings, bool json) {
    std::string text;
    nlohmann::ordered_json array = nlohmann::ordered_json::array();
    for (const machine::Finding& f : findings) {
        array.push_back({{"grade", machine::name(f.grade)},
                         {"subject", f.subject},
                         {"what", f.what},
                         {"advice", f.advice}});
        text += fmt::format("{:8} {:10} {}\n", machine::name(f.grade), f.subject, f.what);
        if (!f.advice.empty()) text += fmt::format("{:20}to do: {}\n", "", f.advice);
    }
    return json ? array.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n" : text;
}

ExitCode check_system(const std::string& file, const Invocation& call, Output& out, Output& err) {
    const config::Result result = config::load(file);
    if (const auto* errors = std::get_if<std::vector<config::Error>>(&result)) {
        for (const config::Error& error : *errors)
            err.write(error.illustrated() + "\n");
        return ExitCode::bad_input;
    }
    const auto found = machine::findings(machine::gather(), std::get<config::Settings>(result));
    const std::string text = findings_text(found, call.json);
    out.write(call.pretty ? indented(text) + "\n" : text);
    const bool fine = std::ranges::none_of(found, [](const machine::Finding& f) {
        return f.grade == machine::Grade::warning || f.grade == machine::Grade::problem;
    });
    return fine ? ExitCode::done : ExitCode::failed;
}

}  // namespace finwait::ctl
