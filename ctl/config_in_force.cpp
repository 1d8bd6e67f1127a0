#include "ctl/config_in_force.hpp"

#include "config/load.hpp"
#include "ctl/answers.hpp"
#include "ctl/check.hpp"

#include <optional>
#include <vector>

#include <nlohmann/json.hpp>

namespace finwait::ctl {
namespace {

using machine::Grade;

/// A daemon's configuration, or why it cannot be had.
struct Asked {
    std::string file;
    std::optional<config::Settings> settings;
    std::string obstacle;
};

Asked ask_daemon(const std::string& socket) {
    control::Request request;
    request.command = control::Command::config;
    std::string said;
    Output kept(said);
    nlohmann::json config = nlohmann::json::object();
    const auto take = [&config](std::string_view line) {
        config = parse_object(line);
        return true;
    };
    const Answer answer = exchange(socket, request, take, kept);
    kept.flush();
    if (answer.code == ExitCode::unreachable) return {{}, {}, "no finwaitd answers at " + socket};
    if (answer.code == ExitCode::not_permitted)
        return {{}, {}, "this user may not ask finwaitd at " + socket};
    if (answer.code != ExitCode::done) return {{}, {}, "the finwaitd that runs is of another version"};
    Asked asked{config.value("file", std::string()), {}, {}};
    const config::Result parsed = config::parse(config.value("text", std::string()), asked.file);
    if (const auto* settings = std::get_if<config::Settings>(&parsed))
        asked.settings = *settings;
    else
        asked.obstacle = "the finwaitd that runs is of another version";
    return asked;
}

machine::Finding about_running(const Asked& asked) {
    machine::Finding finding{
        Grade::good,
        "config",
        "What follows is about the configuration that is in force in the running finwaitd, of " + asked.file +
            ".",
        {}};
    const config::Result now = config::load(asked.file);
    const auto* settings = std::get_if<config::Settings>(&now);
    if (settings != nullptr && *settings == *asked.settings) return finding;
    finding.grade = Grade::warning;
    if (settings == nullptr) {
        finding.what += " That file cannot be put in force as it is now.";
        finding.advice = "finwaitctl check " + asked.file;
    } else {
        finding.what += " That file says something else by now.";
        finding.advice =
            "finwaitctl reload; what stands in [intercept] and [control], and limits.flows, takes a "
            "restart";
    }
    return finding;
}

std::variant<ConfigToCheck, ExitCode> from_file(const std::string& file, const std::string& why,
                                                Output& err) {
    const config::Result result = config::load(file);
    if (const auto* errors = std::get_if<std::vector<config::Error>>(&result)) {
        for (const config::Error& error : *errors)
            err.write(error.illustrated() + "\n");
        return ExitCode::bad_input;
    }
    const std::string what =
        "What follows is about the configuration in " + file + (why.empty() ? "" : ": " + why) + ".";
    return ConfigToCheck{std::get<config::Settings>(result), {Grade::good, "config", what, {}}};
}

}  // namespace

std::variant<ConfigToCheck, ExitCode> config_to_check(const std::string& file, const std::string& socket,
                                                      Output& err) {
    if (!file.empty()) return from_file(file, {}, err);
    const Asked asked = ask_daemon(socket);
    if (!asked.settings) return from_file(kDefaultConfig, asked.obstacle, err);
    return ConfigToCheck{*asked.settings, about_running(asked)};
}

}  // namespace finwait::ctl
