// The fields of a flow as one table: what -o tsv prints, in this order, and what --sort sorts by. Programs
// rely on the order: fields are added at the end, never moved.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace finwait::ctl {

/// How two values are compared.
enum class FieldKind : std::uint8_t { text, number, address };

struct FlowField {
    std::string_view name;       // in the first line of -o tsv
    std::string_view path;       // of the member in the flow's JSON, with dots between the levels
    std::string_view sort = {};  // what --sort calls it; empty: nothing is sorted by it
    FieldKind kind = FieldKind::text;
    bool asked_for = false;  // only with -v, when conntrack was asked
};

[[nodiscard]] std::span<const FlowField> flow_fields();
/// What --sort takes.
[[nodiscard]] std::span<const std::string_view> sort_words();
/// The field that --sort calls so; the word must be one of sort_words().
[[nodiscard]] const FlowField& field_sorted_by(std::string_view word);

/// The field's value in a flow's JSON; null where it has none.
[[nodiscard]] const nlohmann::json& value_of(const nlohmann::json& flow, const FlowField& field);

/// The names as one line, with its newline.
[[nodiscard]] std::string tsv_header(bool addresses);
/// A flow as one line. As in its JSON, but "-" for null, and nothing is quoted.
[[nodiscard]] std::string tsv_line(const nlohmann::json& flow, bool addresses);

}  // namespace finwait::ctl
