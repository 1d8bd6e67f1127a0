#include "ctl/flow_table.hpp"

#include "ctl/text.hpp"

#include <nlohmann/json.hpp>

namespace finwait::ctl {

namespace {

constexpr std::size_t kNarrowestEndpoint = 15;  // enough of both ends of an IPv6 address, and the port

constexpr std::ptrdiff_t kBehindEnds = 3;  // behind ID, CLIENT and SERVER

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

std::vector<Column> verbose_columns() {
    std::vector<Column> columns = flow_columns();
    columns.insert(columns.begin() + kBehindEnds, {{"CLIENT SEES", 0, false, kNarrowestEndpoint},
                                                   {"SERVER SEES", 0, false, kNarrowestEndpoint}});
    return columns;
}

Row verbose_row(const nlohmann::json& flow) {
    Row row = flow_row(flow);
    row.insert(row.begin() + kBehindEnds,
               {seen_text(child(flow, "client")), seen_text(child(flow, "server"))});
    return row;
}

}  // namespace finwait::ctl
