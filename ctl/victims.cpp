#include "ctl/victims.hpp"

#include "ctl/answers.hpp"
#include "ctl/text.hpp"
#include "ctl/which_flows.hpp"
#include "engine/engine.hpp"

#include <algorithm>
#include <thread>
#include <unordered_map>

#include <nlohmann/json.hpp>

namespace finwait::ctl {
namespace {

using engine::KillResult;
using nlohmann::json;

constexpr std::size_t kIdsInARequest = 1000;  // at most 20 bytes each: far below control::kMaxRequest

/// What the daemon's answer to a kill means.
Fate fate_of(const std::string& result) {
    if (result == name(KillResult::requested)) return Fate::pending;
    if (result == name(KillResult::not_found)) return Fate::vanished;
    return result == name(KillResult::already_closed) ? Fate::closed : Fate::left;
}

/// What has become of a flow that was asked to end, as `list` shows it by now.
Fate fate_now(const json& flow) {
    const std::string outcome = text_at(flow, "outcome");
    for (const Fate fate : {Fate::confirmed, Fate::unconfirmed, Fate::refused})
        if (outcome == name(fate)) return fate;
    return text_at(flow, "cannot_end") == name(KillResult::already_closed) ? Fate::closed : Fate::pending;
}

}  // namespace

std::string_view name(Fate fate) {
    switch (fate) {
        case Fate::chosen: return "chosen";
        case Fate::left: return "left";
        case Fate::pending: return "pending";
        case Fate::confirmed: return "confirmed";
        case Fate::unconfirmed: return "unconfirmed";
        case Fate::refused: return "refused";
        case Fate::closed: return "closed";
        case Fate::vanished: return "vanished";
    }
    return "pending";
}

std::string_view meaning(Fate fate) {
    switch (fate) {
        case Fate::confirmed: return "confirmed: reset, and gone from both ends";
        case Fate::unconfirmed:
            return "unconfirmed: reset; nobody answers to say that it is gone, or that it is not";
        case Fate::refused: return "refused: a side lives on in spite of every RST";
        case Fate::closed: return "closed: it was over by itself";
        case Fate::vanished: return "vanished: gone before its end was seen";
        case Fate::chosen: return "not done";
        case Fate::left: return "left: it cannot be ended";
        case Fate::pending: break;
    }
    return "pending: asked for";
}

bool lives(Fate fate) {
    return fate == Fate::chosen || fate == Fate::left || fate == Fate::pending || fate == Fate::refused;
}

Victim Victim::of(const json& flow) {
    const json client = part(flow, "client");
    const json server = part(flow, "server");
    Victim v;
    v.id = text_at(flow, "id");
    v.client_address = text_at(client, "addr");
    v.server_address = text_at(server, "addr");
    v.client_port = client.value("port", 0);
    v.server_port = server.value("port", 0);
    v.states = text_at(client, "state") + "/" + text_at(server, "state");
    v.closer = text_at(flow, "closer");
    v.idle = duration_at(flow, "idle_s");
    v.policy = text_at(flow, "policy");
    v.fast_path = flow.value("fast_path", false);
    if (const json why = flow.value("cannot_end", json()); why.is_string()) {
        v.result = why.get<std::string>();
        v.fate = fate_of(v.result);
        const Fate now = fate_now(flow);  // finwaitd may have ended it
        if (v.fate == Fate::closed && (now == Fate::confirmed || now == Fate::unconfirmed)) v.fate = now;
    }
    return v;
}

void Victims::add(const json& flow) {
    victims_.push_back(Victim::of(flow));
}

ExitCode Victims::choose(const std::string& operand) {
    control::Request request;
    request.command = control::Command::list;
    if (!choose_flows(operand, request, err_)) return ExitCode::bad_input;
    std::vector<std::string> ids;
    const auto take = [&](std::string_view text) {
        Victim victim = Victim::of(parse_object(text));
        if (request.ids.empty() && (victim.fate == Fate::confirmed || victim.fate == Fate::unconfirmed)) {
            ++ended_before_;
            return true;
        }
        ids.push_back(victim.id);
        victims_.push_back(std::move(victim));
        return true;
    };
    const ExitCode code = exchange(socket_, request, take, err_).code;
    return code == ExitCode::done ? print_missing(socket_, request.ids, ids, err_) : code;
}

ExitCode Victims::ask_permission(const std::string& operand) {
    control::Request request;
    request.command = control::Command::kill;
    if (!choose_flows(operand, request, err_)) return ExitCode::bad_input;
    request.permission_only = true;
    std::string said;
    Output kept(said);
    const Answer answer = exchange(
        socket_, request, [](std::string_view) { return true; }, kept);
    // A daemon of an earlier version does not know the question: the kill itself will tell.
    if (answer.error == control::ErrorCode::command) return ExitCode::done;
    kept.flush();
    err_.write(said);
    return answer.code;
}

ExitCode Victims::end() {
    return ask(control::Command::kill, Fate::chosen, [](Victim& victim, const json& killed) {
        victim.result = text_at(killed, "result");
        victim.fate = fate_of(victim.result);
    });
}

ExitCode Victims::look() {
    std::vector<Victim*> unseen;
    for (Victim& victim : victims_)
        if (victim.fate == Fate::pending) unseen.push_back(&victim);
    std::unordered_map<std::string_view, Fate> seen;
    const ExitCode code =
        ask(control::Command::list, Fate::pending,
            [&seen](Victim& victim, const json& flow) { seen.emplace(victim.id, fate_now(flow)); });
    if (code != ExitCode::done) return code;
    for (Victim* victim : unseen) {
        const auto found = seen.find(victim->id);
        victim->fate = found == seen.end() ? Fate::vanished : found->second;
    }
    return code;
}

ExitCode Victims::follow(std::chrono::milliseconds pause, std::chrono::milliseconds patience) {
    auto news = std::chrono::steady_clock::now();
    std::size_t waiting = count(Fate::pending);
    while (waiting > 0 && std::chrono::steady_clock::now() < news + patience) {
        std::this_thread::sleep_for(pause);
        const ExitCode code = look();
        if (code != ExitCode::done) return code;
        const std::size_t left = count(Fate::pending);
        if (left < waiting) news = std::chrono::steady_clock::now();
        waiting = left;
    }
    return ExitCode::done;
}

ExitCode Victims::ask(control::Command command, Fate fate, const Take& take) {
    std::unordered_map<std::string_view, Victim*> by_id;
    std::vector<std::string> ids;
    for (Victim& victim : victims_) {
        if (victim.fate != fate) continue;
        by_id.emplace(victim.id, &victim);
        ids.push_back(victim.id);
    }
    const auto take_line = [&](std::string_view text) {
        const json object = parse_object(text);
        const auto found = by_id.find(object.value("id", std::string()));
        if (found != by_id.end()) take(*found->second, object);
        return true;
    };
    for (std::size_t from = 0; from < ids.size(); from += kIdsInARequest) {
        const std::size_t to = std::min(ids.size(), from + kIdsInARequest);
        control::Request request;
        request.command = command;
        request.ids.assign(ids.begin() + static_cast<std::ptrdiff_t>(from),
                           ids.begin() + static_cast<std::ptrdiff_t>(to));
        const ExitCode code = exchange(socket_, request, take_line, err_).code;
        if (code != ExitCode::done) return code;
    }
    return ExitCode::done;
}

std::size_t Victims::count(Fate fate) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(victims_, [fate](const Victim& victim) { return victim.fate == fate; }));
}

}  // namespace finwait::ctl
