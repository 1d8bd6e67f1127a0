#include "ctl/flow_fields.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <nlohmann/json.hpp>

namespace finwait::ctl {
namespace {

using enum FieldKind;

constexpr std::array kFields = {
    FlowField{"id", "id"},
    FlowField{"client_addr", "client.addr", "client", address},
    FlowField{"client_port", "client.port", "client-port", number},
    FlowField{"client_state", "client.state", "client-state"},
    FlowField{"server_addr", "server.addr", "server", address},
    FlowField{"server_port", "server.port", "port", number},
    FlowField{"server_state", "server.state", "server-state"},
    FlowField{"closer", "closer", "closer"},
    FlowField{"age_s", "age_s", "age", number},
    FlowField{"idle_s", "idle_s", "idle", number},
    FlowField{"expires_in_s", "expires_in_s", "expires", number},
    FlowField{"policy", "policy", "policy"},
    FlowField{"phase", "phase", "phase"},
    FlowField{"adopted", "adopted"},
    FlowField{"fast_path", "fast_path"},
    FlowField{"outcome", "outcome"},
    FlowField{"cannot_end", "cannot_end"},
    FlowField{"client_sees_addr", "client.sees.addr", {}, address, true},
    FlowField{"client_sees_port", "client.sees.port", {}, number, true},
    FlowField{"server_sees_addr", "server.sees.addr", {}, address, true},
    FlowField{"server_sees_port", "server.sees.port", {}, number, true},
};

std::vector<std::string_view> words_to_sort_by() {
    std::vector<std::string_view> words;
    for (const FlowField& field : kFields)
        if (!field.sort.empty()) words.push_back(field.sort);
    return words;
}

void append_value(std::string& line, const nlohmann::json& value) {
    if (value.is_null()) {
        line += '-';
        return;
    }
    const std::size_t begin = line.size();
    line += value.is_string() ? value.get_ref<const std::string&>() : value.dump();
    if (line.size() == begin) line += '-';
    // What would begin another field or line; none of the values has it.
    std::replace_if(
        line.begin() + static_cast<std::ptrdiff_t>(begin), line.end(),
        [](char c) { return c == '\t' || c == '\n'; }, ' ');
}

/// One line of what `add` appends for each field.
template<class Add>
std::string line_of(bool addresses, Add add) {
    std::string line;
    for (const FlowField& field : kFields) {
        if (field.asked_for && !addresses) continue;
        if (!line.empty()) line += '\t';
        add(line, field);
    }
    line += '\n';
    return line;
}

}  // namespace

std::span<const FlowField> flow_fields() {
    return kFields;
}

std::span<const std::string_view> sort_words() {
    static const std::vector<std::string_view> words = words_to_sort_by();
    return words;
}

const FlowField& field_sorted_by(std::string_view word) {
    return *std::find_if(kFields.begin(), kFields.end(),
                         [word](const FlowField& field) { return field.sort == word; });
}

const nlohmann::json& value_of(const nlohmann::json& flow, const FlowField& field) {
    static const nlohmann::json nothing;
    const nlohmann::json* node = &flow;
    std::string_view rest = field.path;
    while (!rest.empty()) {
        const std::string_view key = rest.substr(0, rest.find('.'));
        rest.remove_prefix(std::min(key.size() + 1, rest.size()));
        if (!node->is_object()) return nothing;
        const auto found = node->find(key);
        if (found == node->end()) return nothing;
        node = &*found;
    }
    return *node;
}

std::string tsv_header(bool addresses) {
    return line_of(addresses, [](std::string& line, const FlowField& field) { line += field.name; });
}

std::string tsv_line(const nlohmann::json& flow, bool addresses) {
    return line_of(addresses, [&flow](std::string& line, const FlowField& field) {
        append_value(line, value_of(flow, field));
    });
}

}  // namespace finwait::ctl
