#include "control/protocol.hpp"

#include "policy/words.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

namespace finwait::control {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 13> kCommandNames = {"list",    "count",  "show",   "kill",    "stats",
                                                            "policy",  "rules",  "reload", "version", "ping",
                                                            "explain", "events", "config"};
constexpr std::array<std::string_view, 9> kSortKeys = {"client", "server",  "state",  "closer", "age",
                                                       "idle",   "expires", "policy", "phase"};
constexpr std::array<std::string_view, 8> kErrorNames = {"command", "filter", "permission", "not_found",
                                                         "config",  "busy",   "timeout",    "failed"};

/// The one member besides "command" that a command knows; empty when it knows none.
std::string_view operand_of(Command c) {
    switch (c) {
        case Command::list:
        case Command::count:
        case Command::events:
        case Command::kill: return "filter";
        case Command::show:
        case Command::explain: return "id";
        case Command::rules: return "backend";
        case Command::policy: return "resume";
        default: return {};
    }
}

std::string& operand_in(Request& request) {
    if (request.command == Command::show || request.command == Command::explain) return request.id;
    if (request.command == Command::rules) return request.backend;
    if (request.command == Command::policy) return request.resume;
    return request.filter;
}

bool knows_ids(Command c) {
    return c == Command::list || c == Command::count || c == Command::kill || c == Command::events;
}

bool read_strings(const json& value, std::vector<std::string>& ids) {
    if (!value.is_array() || value.empty()) return false;
    for (const json& id : value) {
        if (!id.is_string()) return false;
        ids.push_back(id.get<std::string>());
    }
    return true;
}

bool read_grouping(const json& value, std::string& by) {
    if (!value.is_string()) return false;
    by = value.get<std::string>();
    return by.empty() || std::find(kGroupings.begin(), kGroupings.end(), by) != kGroupings.end();
}

std::optional<Command> parse_command(const json& object) {
    const auto found = object.find("command");
    if (found == object.end() || !found->is_string()) return std::nullopt;
    const auto& text = found->get_ref<const std::string&>();
    const auto* const at = std::find(kCommandNames.begin(), kCommandNames.end(), text);
    if (at == kCommandNames.end()) return std::nullopt;
    return static_cast<Command>(at - kCommandNames.begin());
}

Error bad_command(std::string message) {
    return {ErrorCode::command, std::move(message), 0};
}

/// A member that is true or false.
struct Flag {
    Command command;
    std::string_view name;
    bool Request::*member;
};
constexpr std::array kFlags = {Flag{Command::list, "addresses", &Request::addresses},
                               Flag{Command::list, "sides", &Request::sides},
                               Flag{Command::list, "descending", &Request::descending},
                               Flag{Command::events, "follow", &Request::follow},
                               Flag{Command::events, "fresh", &Request::fresh},
                               Flag{Command::kill, "permission", &Request::permission_only}};

/// Null when the command knows none of this name.
bool* flag_in(Request& request, std::string_view name) {
    for (const Flag& flag : kFlags)
        if (flag.command == request.command && flag.name == name) return &(request.*flag.member);
    return nullptr;
}

bool read_order(std::string_view key, const json& value, Request& request) {
    if (key == "sort") {
        if (!value.is_string()) return false;
        request.sort = value.get<std::string>();
        return std::find(kSortKeys.begin(), kSortKeys.end(), request.sort) != kSortKeys.end();
    }
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kMaxSorted) return false;
    request.limit = value.get<std::uint32_t>();
    return true;
}

Error bad_order() {
    std::string message = "\"sort\" and \"limit\" stand together: the limit from 1 to " +
                          std::to_string(kMaxSorted) + ", the key one of";
    for (const std::string_view key : kSortKeys)
        message.append(key == kSortKeys.front() ? " " : ", ").append(key);
    return bad_command(std::move(message));
}

bool blank(std::string_view text) {
    return text.find_first_not_of(" \t") == std::string_view::npos;
}

std::string dump(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::string_view name(Command c) {
    return kCommandNames[static_cast<std::size_t>(c)];
}
std::string_view name(ErrorCode c) {
    return kErrorNames[static_cast<std::size_t>(c)];
}

bool changes(const Request& request) {
    return request.command == Command::kill || request.command == Command::reload ||
           (request.command == Command::policy && !request.resume.empty());
}

std::span<const std::string_view> sort_keys() {
    return kSortKeys;
}

std::string json_string(std::string_view text) {
    return dump(json(text));
}

std::string request_line(const Request& request) {
    Request copy = request;
    json object{{"command", name(request.command)}};
    const std::string_view operand = operand_of(request.command);
    if (!copy.ids.empty())
        object["ids"] = copy.ids;
    else if (!operand.empty())
        object[std::string(operand)] = operand_in(copy);
    if (!request.by.empty() && request.command == Command::count) object["by"] = request.by;
    for (const Flag& flag : kFlags)
        if (request.*flag.member && request.command == flag.command) object[std::string(flag.name)] = true;
    if (!request.types.empty()) object["types"] = request.types;
    if (!request.sort.empty()) object.update({{"sort", request.sort}, {"limit", request.limit}});
    return dump(object) + "\n";
}

std::variant<Request, Error> parse_request(std::string_view line) {
    const json object = json::parse(line, nullptr, false);
    if (!object.is_object()) {
        return bad_command("a request is one JSON object on one line, such as {\"command\":\"list\"}");
    }
    const std::optional<Command> command = parse_command(object);
    if (!command) {
        return bad_command(
            "\"command\" must be one of list, count, show, explain, kill, events, stats, policy, rules, "
            "reload, version, ping, config");
    }
    Request request;
    request.command = *command;
    const std::string_view operand = operand_of(*command);
    for (const auto& [key, value] : object.items()) {
        if (key == "command") continue;
        if (key == "ids" && knows_ids(*command)) {
            if (!read_strings(value, request.ids))
                return bad_command("\"ids\" must be an array of strings, not empty");
            continue;
        }
        if (key == "types" && *command == Command::events) {
            if (!read_strings(value, request.types))
                return bad_command("\"types\" must be an array of strings, not empty");
            continue;
        }
        if (bool* flag = flag_in(request, key); flag != nullptr) {
            if (!value.is_boolean()) return bad_command("\"" + key + "\" must be true or false");
            *flag = value.get<bool>();
            continue;
        }
        if (*command == Command::list && (key == "sort" || key == "limit")) {
            if (!read_order(key, value, request)) return bad_order();
            continue;
        }
        if (key == "by" && *command == Command::count) {
            if (!read_grouping(value, request.by))
                return bad_command("\"by\" must be one of " + policy::listed(kGroupings));
            continue;
        }
        if (key != operand)
            return bad_command("\"" + key + "\" is not known to " + std::string(name(*command)));
        if (!value.is_string()) return bad_command("\"" + key + "\" must be a string");
        operand_in(request) = value.get<std::string>();
    }
    if (request.sort.empty() != (request.limit == 0)) return bad_order();
    if (!request.ids.empty() && !request.filter.empty())
        return bad_command("either \"ids\" or \"filter\": not both");
    if (request.command == Command::kill && blank(request.filter) && request.ids.empty()) {
        return Error{ErrorCode::filter, "kill needs a filter: say which flows to end", 1};
    }
    return request;
}

std::string data_line(std::string_view key, std::string_view json_text) {
    std::string line;
    line.reserve(key.size() + json_text.size() + 6);
    line.append("{\"").append(key).append("\":").append(json_text).append("}\n");
    return line;
}

std::string done_line(std::string_view json_text) {
    return data_line("done", json_text);
}

std::string error_line(const Error& error) {
    json object{{"code", name(error.code)}, {"message", error.message}};
    if (error.column != 0) object["column"] = error.column;
    return data_line("error", dump(object));
}

std::optional<Reply> parse_reply(std::string_view line) {
    constexpr std::string_view open = "{\"";
    constexpr std::string_view colon = "\":";
    if (!line.starts_with(open) || !line.ends_with('}')) return std::nullopt;
    const std::size_t end = line.find(colon, open.size());
    if (end == std::string_view::npos) return std::nullopt;
    const std::size_t value = end + colon.size();
    if (value + 1 >= line.size()) return std::nullopt;
    return Reply{line.substr(open.size(), end - open.size()), line.substr(value, line.size() - value - 1)};
}

Error parse_error(std::string_view json_text) {
    const json object = json::parse(json_text, nullptr, false);
    const auto text = [&object](const char* key) -> std::string {
        if (!object.is_object()) return {};
        const auto found = object.find(key);
        return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    Error error{ErrorCode::failed, text("message"), 0};
    if (error.message.empty()) error.message = "the daemon reports an error without a message";
    const std::string code = text("code");
    const auto* const at = std::find(kErrorNames.begin(), kErrorNames.end(), code);
    if (at != kErrorNames.end()) error.code = static_cast<ErrorCode>(at - kErrorNames.begin());
    if (object.is_object() && object.contains("column") && object["column"].is_number_unsigned()) {
        error.column = object["column"].get<std::size_t>();
    }
    return error;
}

}  // namespace finwait::control
