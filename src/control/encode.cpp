#include "control/encode.hpp"

#include "tcp/segment.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

#include <nlohmann/json.hpp>

namespace finwait::control {
namespace {

/// Plain text, which names and addresses nearly always are, is copied; the rest goes through the JSON
/// library.
void append_quoted(std::string& out, std::string_view text) {
    const auto plain = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
    if (std::all_of(text.begin(), text.end(), plain)) {
        out.append("\"").append(text).append("\"");
    } else {
        out += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    }
}

/// null when it is empty.
void append_text(std::string& out, std::string_view text) {
    if (text.empty()) {
        out += "null";
    } else {
        append_quoted(out, text);
    }
}

void append_seconds(std::string& out, std::optional<Duration> d) {
    if (!d || *d == policy::kOff) {
        out += "null";
    } else {
        fmt::format_to(std::back_inserter(out), "{:.1f}", std::max(0.0, in_seconds(*d)));
    }
}

void append_end(std::string& out, const tcp::Endpoint& end) {
    fmt::format_to(std::back_inserter(out), R"("addr":"{}","port":{})", end.address.text(), end.port);
}

void append_sees(std::string& out, tcp::Role side, const Peers* peers) {
    if (peers == nullptr) return;
    out += R"(,"sees":)";
    if (!*peers) {
        out += "null";
        return;
    }
    out += '{';
    append_end(out, (**peers)[tcp::index(side)]);
    out += '}';
}

/// {"addr":…,"port":…,"state":…}
void append_side_of(std::string& out, const tcp::Endpoint& end, tcp::State state, tcp::Role side,
                    const Peers* peers) {
    out += '{';
    append_end(out, end);
    fmt::format_to(std::back_inserter(out), R"(,"state":"{}")", tcp::name(state));
    append_sees(out, side, peers);
    out += '}';
}

void append_seq(std::string& out, std::string_view key, std::optional<tcp::Seq> value) {
    if (value) {
        fmt::format_to(std::back_inserter(out), R"("{}":{},)", key, value->value());
    } else {
        fmt::format_to(std::back_inserter(out), R"("{}":null,)", key);
    }
}

void append_side(std::string& out, const engine::SideReport& side) {
    out += '{';
    append_seq(out, "next", side.next);
    append_seq(out, "ack", side.ack);
    append_seq(out, "fin", side.fin);
    const std::string window = side.window ? fmt::to_string(*side.window) : "null";
    const std::string scale = side.scale ? fmt::to_string(unsigned{*side.scale}) : "null";
    fmt::format_to(std::back_inserter(out),
                   R"("fin_acknowledged":{},"window":{},"scale":{},"timestamps":{},"sack":{},"exact":{}}})",
                   side.fin_acknowledged, window, scale, side.timestamps, side.sack, side.exact);
}

/// Steps without a segment were made by a timer or by a reset of ours.
void append_segment(std::string& out, const flow::Step& step) {
    if (step.flags == 0) {
        out += "null";
        return;
    }
    fmt::format_to(std::back_inserter(out), R"({{"from":"{}","flags":"{}","seq":{},"ack":{},"len":{}}})",
                   tcp::name(step.from), tcp::flags_text(step.flags), step.seq.value(), step.ack.value(),
                   step.length);
}

void append_history(std::string& out, const engine::FlowReport& flow) {
    out += R"("history":[)";
    for (std::size_t i = 0; i < flow.trail.size(); ++i) {
        const flow::Step& step = flow.trail[i];
        fmt::format_to(std::back_inserter(out), R"({}{{"t":{:.3f},"side":"{}","state":"{}","segment":)",
                       i == 0 ? "" : ",", in_seconds(step.at - flow.opened), tcp::name(step.side),
                       tcp::name(step.state));
        append_segment(out, step);
        out += '}';
    }
    out += ']';
}

}  // namespace

void append_flow(std::string& out, const engine::FlowReport& flow, Detail detail, const Peers* peers) {
    const policy::Subject& subject = flow.subject;
    fmt::format_to(std::back_inserter(out), R"({{"id":"{}","client":)", flow.id.text());
    append_side_of(out, subject.client, subject.client_state, tcp::Role::client, peers);
    out += R"(,"server":)";
    append_side_of(out, subject.server, subject.server_state, tcp::Role::server, peers);
    out += R"(,"closer":)";
    if (subject.closer) {
        fmt::format_to(std::back_inserter(out), R"("{}")", tcp::name(*subject.closer));
    } else {
        out += "null";
    }
    out += R"(,"age_s":)";
    append_seconds(out, subject.age);
    out += R"(,"idle_s":)";
    append_seconds(out, subject.idle);
    out += R"(,"policy":)";
    append_quoted(out, subject.policy);
    out += R"(,"expires_in_s":)";
    append_seconds(out, flow.expires_in);
    fmt::format_to(std::back_inserter(out), R"(,"phase":"{}","adopted":{},"fast_path":{})",
                   policy::name(subject.phase), flow.adopted, flow.fast_path);
    out += R"(,"cannot_end":)";
    append_text(out, flow.cannot_end);
    out += R"(,"outcome":)";
    append_text(out, flow.outcome == flow::Outcome::none ? std::string_view() : flow::name(flow.outcome));
    if (detail == Detail::sides) {
        out += R"(,"sides":{"client":)";
        append_side(out, flow.side[tcp::index(tcp::Role::client)]);
        out += R"(,"server":)";
        append_side(out, flow.side[tcp::index(tcp::Role::server)]);
        out += "},";
        append_history(out, flow);
    }
    out += '}';
}

void append_kill(std::string& out, const engine::FlowReport& flow, engine::KillResult result) {
    fmt::format_to(std::back_inserter(out), R"({{"id":"{}","client":{{)", flow.id.text());
    append_end(out, flow.subject.client);
    out += R"(},"server":{)";
    append_end(out, flow.subject.server);
    out += R"(},"result":)";
    append_quoted(out, engine::name(result));
    out += '}';
}

}  // namespace finwait::control
