#include "ctl/config_in_force.hpp"

#include "config/load.hpp"
#include "ctl/answers.hpp"

#include <fmt/format.h>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace finwait::ctl {
namespace {

using machine::Grade;

/// Why a daemon's configuration cannot be had, and how much that means.
struct Obstacle {
    std::string why;
    Grade grade = Grade::good;
    std::string advice = {};
};

struct InForce {
    std::string file;
    config::Settings settings;
};

struct Got {
    nlohmann::json data = nlohmann::json::object();
    Answer answer;
    std::string said;  // what went wrong, for people
};

/// The one data line of an answer.
Got get(control::Command command, const Places& places) {
    Got got;
    control::Request request;
    request.command = command;
    Output kept(got.said);
    const auto take = [&got](std::string_view line) {
        got.data = parse_object(line);
        return true;
    };
    got.answer = exchange(places.socket, request, take, kept, places.patience);
    kept.flush();
    return got;
}

/// A sentence's part, of a line such as "finwaitctl: the daemon is busy\n".
std::string reason_in(std::string_view said) {
    constexpr std::string_view prefix = "finwaitctl: ";
    if (said.starts_with(prefix)) said.remove_prefix(prefix.size());
    return std::string(said.substr(0, said.find('\n')));
}

Obstacle obstacle(const Got& got, const Places& places) {
    const Answer& answer = got.answer;
    if (answer.contact == Contact::silent)
        return {fmt::format("finwaitd is there and does not answer for {} s: it is stopped, or hangs",
                            std::chrono::duration<double>(places.patience).count()),
                Grade::warning, std::string(control::kSilentAdvice)};
    if (answer.code == ExitCode::not_permitted)
        return {"this user may not ask finwaitd at " + places.socket, Grade::unknown};
    if (answer.error == control::ErrorCode::command)
        return {"the finwaitd that runs is of another version", Grade::warning, "systemctl restart finwaitd"};
    if (answer.contact == Contact::none) return {"no finwaitd answers at " + places.socket};
    return {"finwaitd has not told its own: " + reason_in(got.said), Grade::unknown};
}

std::variant<InForce, Obstacle> ask_daemon(const Places& places) {
    const Got got = get(control::Command::config, places);
    if (got.answer.code != ExitCode::done) return obstacle(got, places);
    const std::string file = got.data.value("file", std::string());
    const config::Result parsed = config::parse(got.data.value("text", std::string()), file);
    if (const auto* settings = std::get_if<config::Settings>(&parsed)) return InForce{file, *settings};
    return Obstacle{"the finwaitd that runs is of another version", Grade::warning,
                    "systemctl restart finwaitd"};
}

std::uint64_t missing_rules(const Places& places) {
    const nlohmann::json stats = get(control::Command::stats, places).data;
    return stats.value("rules", nlohmann::json::object()).value("missing", std::uint64_t{0});
}

machine::Finding about_running(const InForce& asked) {
    machine::Finding finding{
        Grade::good,
        "config",
        "What follows is about the configuration that is in force in the running finwaitd, of " + asked.file +
            ".",
        {}};
    const config::Result now = config::load(asked.file);
    const auto* settings = std::get_if<config::Settings>(&now);
    if (settings != nullptr && *settings == asked.settings) return finding;
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

std::variant<ConfigToCheck, ExitCode> from_file(const std::string& file, const Obstacle& instead_of,
                                                Output& err) {
    const config::Result result = config::load(file);
    if (const auto* errors = std::get_if<std::vector<config::Error>>(&result)) {
        for (const config::Error& error : *errors)
            err.write(error.illustrated() + "\n");
        if (!instead_of.why.empty())
            err.write("finwaitctl: " + instead_of.why +
                      (instead_of.advice.empty() ? "" : "; to do: " + instead_of.advice) + "\n");
        return ExitCode::bad_input;
    }
    const std::string what = "What follows is about the configuration in " + file +
                             (instead_of.why.empty() ? "" : ": " + instead_of.why) + ".";
    return ConfigToCheck{std::get<config::Settings>(result),
                         {instead_of.grade, "config", what, instead_of.advice}};
}

}  // namespace

std::variant<ConfigToCheck, ExitCode> config_to_check(const std::string& file, const Places& places,
                                                      Output& err) {
    if (!file.empty()) return from_file(file, {}, err);
    const auto asked = ask_daemon(places);
    if (const auto* obstacle = std::get_if<Obstacle>(&asked)) return from_file(places.usual, *obstacle, err);
    const auto& running = std::get<InForce>(asked);
    return ConfigToCheck{running.settings, about_running(running), missing_rules(places)};
}

}  // namespace finwait::ctl
