#include "ctl/show_text.hpp"

#include "ctl/table.hpp"
#include "ctl/text.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace finwait::ctl {
namespace {

void line(Output& out, std::string_view label, const std::string& value) {
    out.write(fmt::format("{:<10} {}\n", label, value));
}

std::string end_text(const nlohmann::json& flow, const char* role) {
    const nlohmann::json end = flow.value(role, nlohmann::json::object());
    const std::string text = endpoint_text(end) + "  " + text_at(end, "state");
    return end.contains("sees") ? text + "  sees " + seen_text(end) : text;
}

void print_numbers(const nlohmann::json& sides, Output& out) {
    Table table({{"SIDE"},
                 {"NEXT", 0, true},
                 {"ACK", 0, true},
                 {"FIN", 0, true},
                 {"FIN ACKED"},
                 {"WINDOW", 0, true},
                 {"SCALE", 0, true},
                 {"TIMESTAMPS"},
                 {"SACK"},
                 {"EXACT"}},
                std::nullopt, out);
    for (const char* role : {"client", "server"}) {
        const nlohmann::json side = sides.value(role, nlohmann::json::object());
        table.add({role, text_at(side, "next"), text_at(side, "ack"), text_at(side, "fin"),
                   text_at(side, "fin_acknowledged"), text_at(side, "window"), text_at(side, "scale"),
                   text_at(side, "timestamps"), text_at(side, "sack"), text_at(side, "exact")});
    }
    table.finish();
}

/// What moved a side where no segment did.
std::string cause_without_segment(const std::string& state) {
    if (state == "unknown") return "no segment: conntrack's report, which no reply confirmed, was withdrawn";
    if (state == "fin-wait-2" || state == "close-wait") return "no segment: reported by the kernel";
    if (state == "closed") return "no segment: ended, or taken for ended, by finwaitd";
    return "no segment: concluded by finwaitd";
}

std::string segment_text(const nlohmann::json& step) {
    const nlohmann::json segment = step.value("segment", nlohmann::json());
    if (!segment.is_object()) return cause_without_segment(text_at(step, "state"));
    return fmt::format("{} sent {} seq {} ack {} len {}", text_at(segment, "from"), text_at(segment, "flags"),
                       text_at(segment, "seq"), text_at(segment, "ack"), text_at(segment, "len"));
}

}  // namespace

void print_history(const nlohmann::json& history, Output& out) {
    Table table({{"AFTER", 0, true}, {"SIDE"}, {"STATE"}, {"PROVED BY"}}, std::nullopt, out);
    for (const nlohmann::json& step : history)
        table.add({fmt::format("{:.3f}s", step.value("t", 0.0)), text_at(step, "side"),
                   text_at(step, "state"), segment_text(step)});
    table.finish();
}

void print_flow(const nlohmann::json& flow, Output& out) {
    line(out, "id", text_at(flow, "id"));
    line(out, "client", end_text(flow, "client"));
    line(out, "server", end_text(flow, "server"));
    line(out, "closer", text_at(flow, "closer"));
    line(out, "age", duration_at(flow, "age_s"));
    line(out, "idle", duration_at(flow, "idle_s"));
    const std::string expires = duration_at(flow, "expires_in_s");
    line(out, "expires in", expires == "-" ? "never" : expires);
    line(out, "policy", text_at(flow, "policy"));
    line(out, "phase", text_at(flow, "phase"));
    line(out, "adopted", text_at(flow, "adopted"));
    line(out, "fast path", text_at(flow, "fast_path"));
    const auto sides = flow.find("sides");
    if (sides == flow.end()) return;
    out.write("\n");
    print_numbers(*sides, out);
    const auto history = flow.find("history");
    if (history == flow.end() || history->empty()) return;
    out.write("\n");
    print_history(*history, out);
}

}  // namespace finwait::ctl
