#include "ctl/event_text.hpp"

#include "ctl/text.hpp"
#include "policy/words.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace finwait::ctl {
namespace {

using nlohmann::json;

/// "2024-05-01T12:00:00.123456+02:00" to "2024-05-01 12:00:00.123+02:00": lines are kept, and sent elsewhere.
std::string date_and_time(const std::string& timestamp) {
    constexpr std::size_t date = 10;
    constexpr std::size_t milliseconds = 23;
    if (timestamp.size() < milliseconds) return timestamp;
    const std::size_t zone = timestamp.find_first_of("+-Z", milliseconds);
    return timestamp.substr(0, date) + " " + timestamp.substr(date + 1, milliseconds - date - 1) +
           (zone == std::string::npos ? std::string() : timestamp.substr(zone));
}

/// "tcp_probe answered", as far as there is more to say than the type.
std::string what_happened(const json& event, const json& own) {
    std::string text = text_at(event, "event_type");
    for (const char* key : {"action", "outcome"})
        if (const std::string word = text_at(own, key); word != "-") text += " " + word;
    if (const std::string side = text_at(own, "side"); side != "-") text += " by " + side;
    return text;
}

std::string end_of(const json& event, const char* address, const char* port) {
    return endpoint_text({{"addr", text_at(event, address)}, {"port", event.value(port, 0)}});
}

std::string flow_part(const json& event, const json& own) {
    return fmt::format("  {}  {} > {}  {}/{}", text_at(event, "flow_id"), end_of(event, "src_ip", "src_port"),
                       end_of(event, "dest_ip", "dest_port"), text_at(own, "client_state"),
                       text_at(own, "server_state"));
}

/// Lines of their own below: what is wrong in a configuration, which firewall rules are missing.
std::string below(const json& own, const char* key) {
    std::string text;
    for (const json& line : own.value(key, json::array()))
        if (line.is_string()) text += "\n    " + line.get<std::string>();
    return text;
}

/// What was asked for and refused: kill "port 80", policy --resume "web". Anybody may have written the
/// operand.
std::string refused_request(const json& own) {
    const std::string command = text_at(own, "command");
    if (command == "-") return {};
    const std::string operand = text_at(own, "operand");
    return ": " + command + (command == "policy" ? " --resume" : "") +
           (operand == "-" ? "" : " " + policy::in_quotes(operand));
}

/// ", by bob (uid 1001)", or the number alone where there is no name.
std::string requester(const json& own) {
    const std::string uid = text_at(own, "uid");
    const std::string user = text_at(own, "user");
    if (uid == "-") return {};
    return (user == "-" ? std::string() : ", by " + user) + " (uid " + uid + ")";
}

}  // namespace

std::string event_text(const json& event) {
    const json own = part(event, "finwaitd");
    const std::string time = date_and_time(text_at(event, "timestamp"));
    if (text_at(event, "event_type") == "finwaitd_lost")
        return fmt::format("{}  {} events are missing here: they came faster than they were read\n", time,
                           text_at(own, "count"));
    std::string line = time + "  " + what_happened(event, own);
    if (event.contains("flow_id")) line += flow_part(event, own);
    if (const std::string result = text_at(own, "result"); result != "-") line += "  " + result;
    if (const std::string file = text_at(own, "file"); file != "-") line += "  " + file;
    if (const std::string policy = text_at(own, "policy"); policy != "-") line += "  policy " + policy;
    if (const std::string reason = text_at(own, "reason"); reason != "-") line += ": " + reason;
    return line + refused_request(own) + requester(own) + below(own, "problems") + below(own, "missing") +
           "\n";
}

}  // namespace finwait::ctl
