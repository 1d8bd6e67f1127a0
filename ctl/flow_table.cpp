#include "ctl/flow_table.hpp"

#include "ctl/text.hpp"

#include <nlohmann/json.hpp>

namespace finwait::ctl {

namespace {

constexpr std::ptrdiff_t kBehindEnds = 3;  // behind ID, CLIENT and SERVER

const nlohmann::json& child(const nlohmann::json& object, const char* key) {
    static const nlohmann::json none;
    const auto found = object.find(key);
    return found == object.end() ? none : *found;
}

Paint paint_states(std::string_view states) {
    if (states == "established/established") return Paint::green;
    if (states.find("fin-wait-2") != std::string_view::npos) return Paint::yellow;
    return states.starts_with("closed/") || states.ends_with("/closed") ? Paint::dim : Paint::none;
}

Paint paint_phase(std::string_view phase) {
    if (phase == "probing") return Paint::cyan;
    return phase == "resetting" || phase == "confirming" ? Paint::red : Paint::none;
}

/// Only the server's port may have a name: a client's is drawn by chance, and a name for it would mislead.
std::string end_text(const nlohmann::json& end, bool of_server, Names* names) {
    if (names == nullptr) return endpoint_text(end);
    nlohmann::json named = {{"addr", names->of(text_at(end, "addr"))}, {"port", child(end, "port")}};
    if (of_server && named["port"].is_number_integer()) {
        const std::string& service = names->service(named["port"].get<std::uint16_t>());
        if (!service.empty()) named["port"] = service;
    }
    return endpoint_text(named);
}

/// "client next 1002 ack 7 fin 1002 acked window 63"
std::string numbers_text(const char* role, const nlohmann::json& side) {
    std::string text = role;
    for (const char* const key : {"next", "ack", "fin"}) {
        if (const std::string value = text_at(side, key); value != "-")
            text += std::string(" ") + key + " " + value;
    }
    if (text_at(side, "fin_acknowledged") == "yes") text += " acked";
    if (const std::string window = text_at(side, "window"); window != "-") text += " window " + window;
    return text_at(side, "exact") == "yes" ? text : text + " (not exact)";
}

std::string sees_text(const nlohmann::json& side, bool of_server, Names* names) {
    const nlohmann::json& sees = child(side, "sees");
    return sees.is_object() ? end_text(sees, of_server, names) : "-";
}

}  // namespace

std::vector<Column> flow_columns(int verbose) {
    std::vector<Column> columns = {{"ID"},
                                   {"CLIENT", 0, false, kNarrowestEndpoint},
                                   {"SERVER", 0, false, kNarrowestEndpoint},
                                   {"STATES", 0, false, 0, &paint_states},
                                   {"CLOSER", 4},  // the states say it too
                                   {"AGE", 3, true},
                                   {"IDLE", 1, true},
                                   {"EXPIRES", 2, true},
                                   {"POLICY", 5},
                                   {"PHASE", 6, false, 0, &paint_phase}};
    if (verbose > 0)
        columns.insert(columns.begin() + kBehindEnds, {{"CLIENT SEES", 0, false, kNarrowestEndpoint},
                                                       {"SERVER SEES", 0, false, kNarrowestEndpoint}});
    return columns;
}

Row flow_row(const nlohmann::json& flow, int verbose, Names* names) {
    const nlohmann::json& client = child(flow, "client");
    const nlohmann::json& server = child(flow, "server");
    Row row = {text_at(flow, "id"),           end_text(client, false, names),
               end_text(server, true, names), text_at(client, "state") + "/" + text_at(server, "state"),
               text_at(flow, "closer"),       duration_at(flow, "age_s"),
               duration_at(flow, "idle_s"),   duration_at(flow, "expires_in_s"),
               text_at(flow, "policy"),       text_at(flow, "phase")};
    if (verbose > 0)
        row.insert(row.begin() + kBehindEnds,
                   {sees_text(client, true, names), sees_text(server, false, names)});
    return row;
}

std::string flow_remarks(const nlohmann::json& flow) {
    std::string text;
    const auto add = [&text](const std::string& remark) { text += (text.empty() ? "" : "; ") + remark; };
    const nlohmann::json& sides = child(flow, "sides");
    for (const char* const role : {"client", "server"})
        if (const nlohmann::json& side = child(sides, role); side.is_object()) add(numbers_text(role, side));
    if (text_at(flow, "adopted") == "yes") add("adopted midway");
    if (text_at(flow, "fast_path") == "yes") add("on the fast path");
    if (const std::string outcome = text_at(flow, "outcome"); outcome != "-") add("reset, " + outcome);
    if (const std::string obstacle = text_at(flow, "cannot_end"); obstacle != "-")
        add("cannot be ended: " + obstacle);
    return text;
}

void collect_addresses(const nlohmann::json& flow, std::vector<std::string>& addresses) {
    for (const char* const side : {"client", "server"}) {
        const nlohmann::json& end = child(flow, side);
        addresses.push_back(text_at(end, "addr"));
        if (const nlohmann::json& sees = child(end, "sees"); sees.is_object())
            addresses.push_back(text_at(sees, "addr"));
    }
}

}  // namespace finwait::ctl
