#include "ctl/check_system.hpp"

#include "ctl/config_in_force.hpp"
#include "ctl/json_array.hpp"
#include "machine/missing.hpp"

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
    const auto chosen = config_to_check(file, {call.socket}, err);
    if (const auto* code = std::get_if<ExitCode>(&chosen)) return *code;
    const auto& config = std::get<ConfigToCheck>(chosen);
    machine::Facts facts = machine::gather();
    facts.rules_missing = config.rules_missing;
    auto found = machine::findings(facts, config.settings);
    found.insert(found.begin(), config.about);
    const auto missing = machine::missing(config.settings, machine::inventory());
    found.insert(found.end(), missing.begin(), missing.end());
    const std::string text = findings_text(found, call.json);
    out.write(call.pretty ? indented(text) + "\n" : text);
    return exit_code(found);
}

ExitCode exit_code(const std::vector<machine::Finding>& findings) {
    const bool works = std::ranges::none_of(
        findings, [](const machine::Finding& f) { return f.grade == machine::Grade::problem; });
    return works ? ExitCode::done : ExitCode::failed;
}

}  // namespace finwait::ctl
