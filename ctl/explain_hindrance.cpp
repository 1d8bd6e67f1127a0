#include "ctl/explain_next.hpp"
#include "ctl/text.hpp"

#include <cstdlib>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace finwait::ctl {
namespace {

using nlohmann::json;
using Sentences = std::vector<std::string>;

std::string numbers_unknown(const json& e) {
    const json flow = part(e, "flow");
    if (flow.value("fast_path", false))
        return "It is on the kernel's fast path: its segments pass by finwaitd, which so does not know the "
               "numbers that a reset needs. The next SYN, FIN or RST brings them back.";
    const json sides = part(flow, "sides");
    std::string unheard;
    for (const char* role : {"client", "server"})
        if (!part(sides, role).value("exact", false))
            unheard += (unheard.empty() ? "the " : " and the ") + std::string(role);
    if (unheard.empty()) return "A FIN could not be checked: its peer has to acknowledge it first.";
    return fmt::format("{}, so a reset would miss: wait for the next segment of {}.",
                       flow.value("adopted", false)
                           ? "It was picked up midway and its numbers are not known exactly"
                           : "Its numbers are not exact since segments passed unseen",
                       unheard);
}

std::string untouchable(const json& evidence) {
    for (const char* role : {"client", "server"})
        if (part(evidence, role).value("signed", false))
            return fmt::format(
                "The {} signs its segments (TCP-MD5 or TCP-AO) and drops all that finwaitd could "
                "send: use an administrator's means at one of its ends.",
                role);
    return "It is one of the subflows of an MPTCP connection, which does not end with one of them.";
}

/// Empty where the flow is not ambiguous.
std::string ambiguity(const json& e) {
    if (e.value("sequence_shift", false))
        return "This machine changes its sequence numbers after finwaitd has seen them (SYNPROXY, or a NAT "
               "helper such "
               "as that for FTP): finwaitd cannot tell for certain what state it is in, and leaves it alone.";
    if (e.value("shared_ends", false))
        return "Another connection has the same two ends where finwaitd sees it, and only NAT behind it "
               "tells the two "
               "apart: finwaitd cannot tell which one its segments would reach, and leaves both alone.";
    return {};
}

std::string data_in_flight(const json& evidence) {
    std::string data;
    for (const char* role : {"client", "server"}) {
        const json bytes = part(evidence, role).value("unacknowledged", json());
        if (!bytes.is_number() || bytes.get<std::int64_t>() == 0) continue;
        data += fmt::format("{}{} bytes from the {}", data.empty() ? "" : " and ",
                            std::abs(bytes.get<std::int64_t>()), role);
    }
    return "Data is in flight: " + data + " have not been acknowledged, and a reset could destroy them.";
}

void add_hindrance(const json& e, Sentences& out) {
    const std::string hindrance = text_at(e, "hindrance");
    const json evidence = part(e, "evidence");
    const std::string ambiguous = ambiguity(e);
    if (!ambiguous.empty()) out.push_back(ambiguous);
    if (hindrance == "numbers_unknown") out.push_back(numbers_unknown(e));
    if (hindrance == "untouchable" && ambiguous.empty()) out.push_back(untouchable(evidence));
    if (hindrance == "data_in_flight") out.push_back(data_in_flight(evidence));
    if (hindrance == "not_quiet")
        out.emplace_back(
            "A segment has passed a moment ago: finwaitd waits until nothing is on its way any more.");
    if (hindrance == "spared")
        out.emplace_back(
            "It is one of this machine's own, and intercept.spare matches it: it is left alone unless a "
            "[[policy]] "
            "matches it. finwaitctl kill would end it.");
    if (hindrance == "on_hold")
        out.emplace_back(
            "finwaitd's rules in the kernel are not all there, so segments pass unseen: nothing is asked, "
            "reset or forgotten before they are put back (finwaitctl rules shows what is missing; finwaitctl "
            "reload puts it back).");
    if (hindrance == "policy_stopped") {
        const std::string policy = text_at(part(e, "policy"), "name");
        out.push_back(fmt::format(
            "Its policy is stopped: without proof it would have ended too much of the table within a "
            "minute. Until \"finwaitctl policy --resume {}\" it ends only what a side proves to be "
            "over.",
            policy));
    }
    if (hindrance == "window_closed")
        out.emplace_back(
            "The closer's window is 0: its application does not read, and data may wait for it.");
}

std::string time_left(const json& e, const json& flow) {
    const std::string left = duration_at(flow, "expires_in_s");
    if (e.value("in_phase_s", json()).is_number())
        return "Its sides were asked and answered: it is left alone for " + left + " more.";
    if (text_at(flow, "outcome") == "refused")
        return "A side has outlived its RSTs: it is left alone for " + left + " more.";
    const json limit = part(e, "policy").value("fin_wait_2_s", json());
    if (limit.is_null()) return "Its policy has no limit for it (fin_wait_2 = \"off\").";
    if (flow.value("expires_in_s", json()).is_null())
        return "Its time is up, and what would have been done is recorded: nothing more happens until it "
               "moves.";
    return fmt::format("Its time is not up: it may stay without progress for {}, and has for {}.",
                       human_duration(limit.get<double>()), duration_at(flow, "idle_s"));
}

void add_standing(const json& e, Sentences& out) {
    const json flow = part(e, "flow");
    const std::string stage = text_at(e, "stage");
    const std::string phase = text_at(flow, "phase");
    const json left = flow.value("expires_in_s", json());
    if (phase == "probing") {
        out.emplace_back("It is being asked: only what its sides answer, or their silence, ends it.");
    } else if (phase == "resetting" || phase == "confirming") {
        out.emplace_back("It is being ended.");
    } else if (stage == "finished") {
        out.emplace_back("It is over already.");
    } else if (e.value("requested", false)) {
        return;
    } else if (report_withdrawn(e)) {
        out.emplace_back("It is not known to be half-closed: finwaitd has withdrawn conntrack's report.");
    } else if (stage != "half-closed") {
        out.emplace_back(
            "It is not half-closed: finwaitd acts by itself only where exactly one side has closed.");
    } else if (!left.is_number() || left.get<double>() > 0) {
        out.push_back(time_left(e, flow));
    }
}

}  // namespace

bool only_observed(const json& e) {
    return e.value("mode", "") == "observe" || text_at(part(e, "policy"), "on_expiry") == "observe";
}

Sentences hindrance_sentences(const json& e) {
    Sentences out;
    add_standing(e, out);
    add_hindrance(e, out);
    const bool observes = text_at(part(e, "policy"), "on_expiry") == "observe";
    if (e.value("mode", "") == "observe")
        out.emplace_back("finwaitd only observes (mode = \"observe\"): it sends nothing by itself.");
    else if (observes)
        out.emplace_back("Its policy only observes (on_expiry = \"observe\"): finwaitctl kill would end it.");
    if (out.empty()) out.emplace_back("Nothing.");
    return out;
}

}  // namespace finwait::ctl
