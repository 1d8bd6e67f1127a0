#include "observe/audit_json.hpp"

#include "observe/community_id.hpp"
#include "observe/event_kinds.hpp"

#include <cmath>
#include <ctime>
#include <fmt/format.h>
#include <utility>

#include <nlohmann/json.hpp>

namespace finwait::observe {
namespace {

using json = nlohmann::ordered_json;

double seconds(Duration d) {
    return std::round(in_seconds(d) * 1000) / 1000;
}

json role(const std::optional<tcp::Role>& r) {
    return r ? json(tcp::name(*r)) : json();
}

json flow_head(WallClock::time_point at, std::string_view event_type, engine::FlowId id,
               const tcp::Endpoint& client, const tcp::Endpoint& server) {
    return {{"timestamp", timestamp(at)},
            {"flow_id", id.text()},
            {"event_type", event_type},
            {"src_ip", client.address.text()},
            {"src_port", client.port},
            {"dest_ip", server.address.text()},
            {"dest_port", server.port},
            {"proto", "TCP"},
            {"community_id", community_id(client, server)}};
}

std::string text_of(const json& object) {
    return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

void add_requester(json& own, const Requester& by) {
    own["uid"] = by.uid < 0 ? json() : json(by.uid);
    own["user"] = by.user.empty() ? json() : json(by.user);
    own["pid"] = by.pid < 0 ? json() : json(by.pid);
}

/// An event that is about no flow.
std::string other_line(WallClock::time_point at, std::string_view event_type, json own) {
    return text_of({{"timestamp", timestamp(at)}, {"event_type", event_type}, {"finwaitd", std::move(own)}});
}

}  // namespace

std::string timestamp(WallClock::time_point at) {
    const std::time_t whole = WallClock::to_time_t(std::chrono::floor<std::chrono::seconds>(at));
    const auto micros =
        std::chrono::duration_cast<std::chrono::microseconds>(at - WallClock::from_time_t(whole));
    std::tm local{};
    ::localtime_r(&whole, &local);
    char date[32];
    char zone[8];
    std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &local);
    std::strftime(zone, sizeof zone, "%z", &local);
    const std::string_view offset = zone;
    return fmt::format("{}.{:06}{}:{}", date, micros.count(), offset.substr(0, 3), offset.substr(3));
}

std::string event_line(WallClock::time_point at, const engine::Event& e, const std::string& policy) {
    const EventKind& row = kind(e.type);
    json object = flow_head(at, row.event_type, e.id, e.client, e.server);
    json& own = object["finwaitd"];
    if (!row.member.empty()) own[row.member] = row.word;
    if (e.side) own["side"] = role(e.side);
    own["closer"] = role(e.closer);
    own["client_state"] = tcp::name(e.states[0]);
    own["server_state"] = tcp::name(e.states[1]);
    own["policy"] = policy;
    own["reason"] = e.reason;
    own["age_s"] = seconds(e.age);
    own["idle_s"] = seconds(e.idle);
    return text_of(object);
}

std::string kill_line(WallClock::time_point at, const Requester& by, const engine::FlowReport& flow,
                      std::string_view result) {
    const policy::Subject& s = flow.subject;
    json object = flow_head(at, "tcp_reset", flow.id, s.client, s.server);
    json own = {{"action", "requested"}, {"result", result}};
    add_requester(own, by);
    own.update({{"closer", role(s.closer)},
                {"client_state", tcp::name(s.client_state)},
                {"server_state", tcp::name(s.server_state)},
                {"policy", s.policy},
                {"reason", "requested by an operator"},
                {"age_s", seconds(s.age)},
                {"idle_s", s.idle ? json(seconds(*s.idle)) : json()}});
    object["finwaitd"] = std::move(own);
    return text_of(object);
}

std::string reload_line(WallClock::time_point at, const Requester& by, const std::string& file,
                        const std::vector<std::string>& problems) {
    json own = {{"outcome", problems.empty() ? "in_force" : "rejected"}};
    add_requester(own, by);
    own["file"] = file;
    if (!problems.empty()) own["problems"] = problems;
    return other_line(at, "config_reload", std::move(own));
}

std::string resume_line(WallClock::time_point at, const Requester& by, const std::string& policy) {
    json own = json::object();
    add_requester(own, by);
    own["policy"] = policy;
    return other_line(at, "policy_resumed", std::move(own));
}

std::string rules_line(WallClock::time_point at, std::string_view outcome,
                       const std::vector<std::string>& missing) {
    json own = {{"outcome", outcome}};
    if (!missing.empty()) own["missing"] = missing;
    return other_line(at, "rules_changed", std::move(own));
}

std::string refused_line(WallClock::time_point at, const Requester& by, std::string_view command,
                         const std::string& operand) {
    json own = json::object();
    add_requester(own, by);
    own["command"] = command;
    own["operand"] = operand;
    return other_line(at, "request_refused", std::move(own));
}

}  // namespace finwait::observe
