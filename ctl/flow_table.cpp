#include "ctl/flow_table.hpp"

#include "ctl/text.hpp"

#include <nlohmann/json.hpp>

namespace finwait::ctl {

namespace {

constexpr std::size_t kNarrowestEndpoint = 15;  // enough of both ends of an IPv6 address, and the port

const nlohmann::json& child(const nlohmann::json& object, const char* key) {
    static const nlohmann::json none;
    const auto found = object.find(key);
    return found == object.end() ? none : *found;
}

}  // namespace

std::vector<Column> flow_columns() {
    return {{"ID"},
            {"CLIENT", 0, false, kNarrowestEndpoint},
            {"SERVER", 0, false, kNarrowestEndpoint},
            {"STATES"},
            {"CLOSER", 4},  // the states say it too
            {"AGE", 3, true},
            {"IDLE", 1, true},
            {"EXPIRES", 2, true},
            {"POLICY", 5},
            {"PHASE", 6}};
}

Row flow_row(const nlohmann::json& flow) {
    const nlohmann::json& client = child(flow, "client");
    const nlohmann::json& server = child(flow, "server");
    return {text_at(flow, "id"),         endpoint_text(client),
            endpoint_text(server),       text_at(client, "state") + "/" + text_at(server, "state"),
            text_at(flow, "closer"),     duration_at(flow, "age_s"),
            duration_at(flow, "idle_s"), duration_at(flow, "expires_in_s"),
            text_at(flow, "policy"),     text_at(flow, "phase")};
}

std::vector<Column> killed_columns() {
    return {{"ID"},
            {"CLIENT", 0, false, kNarrowestEndpoint},
            {"SERVER", 0, false, kNarrowestEndpoint},
            {"RESULT"}};
}

Row killed_row(const nlohmann::json& killed) {
    return {text_at(killed, "id"), endpoint_text(child(killed, "client")),
            endpoint_text(child(killed, "server")), text_at(killed, "result")};
}

std::vector<Column> policy_columns() {
    return {{"POLICY"},           {"MATCH", 1, false, 20}, {"FIN-WAIT-2"},
            {"ON EXPIRY", 2},     {"FLOWS", 0, true},      {"HALF-CLOSED", 3, true},
            {"EXPIRED", 0, true}, {"RESET", 0, true},      {"OBSERVED", 4, true}};
}

Row policy_row(const nlohmann::json& policy) {
    const std::string timeout = duration_at(policy, "fin_wait_2_s");
    return {text_at(policy, "name"),      text_at(policy, "match"), timeout == "-" ? "off" : timeout,
            text_at(policy, "on_expiry"), text_at(policy, "flows"), text_at(policy, "half_closed"),
            text_at(policy, "expired"),   text_at(policy, "reset"), text_at(policy, "observed")};
}

}  // namespace finwait::ctl
