// What is told of those who change something over the control socket, or wanted to: in the log and in the
// audit file.
#include "daemon.hpp"
#include "shard/clock.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace finwait::daemon {

namespace {

observe::Requester audited(const control::Requester& by) {
    return {by.uid, by.pid, by.user};
}

observe::Line line_of(observe::Message message, const control::Requester& by, const std::string& text) {
    return observe::Line(message, fmt::format("{}, pid {}, {}", by.text(), by.pid, text))
        .with("FINWAITD_UID", std::to_string(by.uid))
        .with("FINWAITD_USER", by.user)
        .with("FINWAITD_PID", std::to_string(by.pid));
}

/// What a request is about.
std::string operand_of(const control::Request& request) {
    std::string ids;
    for (const std::string& id : request.ids)
        ids += (ids.empty() ? "" : " ") + id;
    return !ids.empty() ? ids : !request.filter.empty() ? request.filter : request.resume;
}

}  // namespace

/// For the audit file, and for who reads the events.
void Daemon::keep(std::string_view type, std::string line, std::optional<engine::FlowId> flow) {
    if (audit_.on()) audit_.note(line);
    feed_.note(shard::monotonic_now(), type, std::move(line), flow);
}

void Daemon::audit_requests(control::Hooks& hooks) {
    using control::Requester;
    hooks.reload = [this](const Requester& by) { return reload(by); };
    hooks.killed = [this](const Requester& by, const engine::FlowReport& flow, engine::KillResult result) {
        journal_.note(shard::monotonic_now(), spdlog::level::info,
                      line_of(observe::Message::kill_requested, by,
                              fmt::format("wants flow {} ended: {}", flow.id.text(), engine::name(result)))
                          .with("FINWAITD_FLOW", flow.id.text()));
        keep("tcp_reset",
             observe::kill_line(observe::WallClock::now(), audited(by), flow, engine::name(result)), flow.id);
    };
    hooks.resumed = [this](const Requester& by, const std::string& policy) {
        line_of(observe::Message::policy_resumed, by, "has let policy " + policy + " go on")
            .with("FINWAITD_POLICY", policy)
            .log(*logger_, spdlog::level::warn);
        keep("policy_resumed", observe::resume_line(observe::WallClock::now(), audited(by), policy));
    };
    hooks.refused = [this](const Requester& by, const control::Request& request) {
        journal_.note(shard::monotonic_now(), spdlog::level::warn,
                      line_of(observe::Message::request_refused, by,
                              fmt::format("was refused {}: not root, and not in the group \"{}\"",
                                          control::name(request.command), settings_.control.admin_group)));
        keep("request_refused", observe::refused_line(observe::WallClock::now(), audited(by),
                                                      control::name(request.command), operand_of(request)));
    };
}

void Daemon::tell_of_reload(const control::Requester& by, const std::vector<std::string>& problems) {
    keep("config_reload",
         observe::reload_line(observe::WallClock::now(), audited(by), config_file_.string(), problems));
    const std::string who = by.uid < 0 ? "SIGHUP" : by.text();
    if (problems.empty())
        return observe::Line(observe::Message::reloaded,
                             fmt::format("{} is in force ({})", config_file_.string(), who))
            .log(*logger_, spdlog::level::info);
    for (const std::string& problem : problems)
        observe::Line(observe::Message::reload_rejected, fmt::format("not reloaded ({}): {}", who, problem))
            .with("FINWAITD_REASON", problem)
            .log(*logger_, spdlog::level::err);
}

}  // namespace finwait::daemon
