#include "ctl/explain_next.hpp"

#include "ctl/text.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <span>
#include <utility>

#include <nlohmann/json.hpp>

namespace finwait::ctl {
namespace {

using nlohmann::json;
using Sentences = std::vector<std::string>;

std::string step_of(const json& prospect) {
    return text_at(prospect, "step");
}

std::size_t sides_of(const json& prospect) {
    return prospect.value("sides", json::array()).size();
}

/// "the server", "both sides".
std::string who(const json& prospect) {
    const json sides = prospect.value("sides", json::array());
    return sides.size() == 1 ? "the " + sides[0].get<std::string>() : "both sides";
}

std::string are(const json& prospect) {
    return sides_of(prospect) == 1 ? "is" : "are";
}

/// "In 12s ", "Now ".
std::string when(const json& prospect) {
    const double seconds = prospect.value("in_s", 0.0);
    return seconds < 0.05 ? "Now" : "In " + human_duration(seconds);
}

std::string because(const json& prospect) {
    const std::string reason = text_at(prospect, "reason");
    return reason == "-" ? "" : ": " + reason;
}

std::string attempt(const json& prospect, const json& policy) {
    const auto number = prospect.value("attempt", 0);
    const auto of = policy.value("probe_attempts", 0);
    return number <= 1 ? "" : fmt::format(" again (attempt {} of {})", number, of);
}

std::string look_again(const json& prospect, const json& policy, bool observed) {
    const std::string then = observed                                   ? "recorded"
                             : policy.value("on_expiry", "") == "probe" ? "asked"
                                                                        : "reset";
    if (text_at(prospect, "hindrance") == "untouchable") return "It is never " + then + ", only watched.";
    return when(prospect) + " it would be " + then +
           ", if what is in the way now has gone by then; otherwise finwaitd looks again later.";
}

/// Whether no side's state is known.
bool states_unknown(const json& flow) {
    return text_at(part(flow, "client"), "state") == "unknown" &&
           text_at(part(flow, "server"), "state") == "unknown";
}

std::string forgotten(const json& prospect, const json& e) {
    if (report_withdrawn(e))
        return when(prospect) +
               " finwaitd probes both sides about conntrack's report again, unless the flow is forgotten "
               "before.";
    return when(prospect) + " it is forgotten, if nothing more is heard of it; nothing is sent.";
}

std::string sentence(const json& prospect, const json& e) {
    const json policy = part(e, "policy");
    const std::string step = step_of(prospect);
    const std::string at = when(prospect);
    if (step == "ask")
        return fmt::format("{} {} {} asked{}.", at, who(prospect), are(prospect), attempt(prospect, policy));
    if (step == "count_silent")
        return fmt::format("{} {} {} taken for silent.", at, who(prospect), are(prospect));
    if (step == "near_miss")
        return fmt::format("{} the closer gets an RST that a living socket survives and an orphan does not.",
                           at);
    if (step == "leave") return fmt::format("{} it is left alone{}.", at, because(prospect));
    if (step == "reset")
        return fmt::format("{} {} {} reset{}.", at, who(prospect), are(prospect), because(prospect));
    if (step == "confirm")
        return fmt::format("{} a probe to {} makes sure that nobody is left there.", at, who(prospect));
    if (step == "record")
        return fmt::format("{} it is recorded that its time was up{}; nothing is sent.", at,
                           because(prospect));
    if (step == "confirmed") return at + " its end is confirmed.";
    if (step == "unconfirmed") return at + " it is taken for ended, unconfirmed.";
    if (step == "refused") return at + " finwaitd gives up: a side has outlived every RST.";
    if (step == "look_again") return look_again(prospect, policy, only_observed(e));
    if (step == "take_back")
        return at + " the FIN that nobody acknowledged is taken for forged, and the flow for established.";
    if (step == "believe") return at + " the RST that nobody contradicted is taken for true.";
    if (step == "forget") return forgotten(prospect, e);
    return at + ": " + step + ".";
}

/// "after 3 unanswered attempts the server counts as silent (in 57s), and then both sides are reset: …".
std::string silence(std::span<const json> rest, std::size_t asked, bool more) {
    std::string out;
    for (const json& prospect : rest) {
        const std::string step = step_of(prospect);
        if (step == "ask") ++asked;
        if (step == "count_silent")
            out += fmt::format("{}after {}{} unanswered attempt{} {} {} silent (in {})",
                               out.empty() ? "Without an answer: " : "; ", asked, more ? " more" : "",
                               asked == 1 ? "" : "s", who(prospect),
                               sides_of(prospect) == 1 ? "counts as" : "count as",
                               human_duration(prospect.value("in_s", 0.0)));
        if (step != "reset") continue;
        return fmt::format("{}, and then {} {} reset{}.", out, who(prospect), are(prospect),
                           because(prospect));
    }
    return out.empty() ? out : out + ".";
}

/// What follows when those who are asked answer.
std::string life(const json& asked, std::span<const json> rest) {
    std::string out = fmt::format("If {} {}: ", who(asked), sides_of(asked) == 1 ? "answers" : "answer");
    bool left = false;
    for (const json& prospect : rest) {
        const std::string step = step_of(prospect);
        if (step == "near_miss") out += "the closer gets an RST that only an orphan does not survive; then ";
        if (step == "reset")
            return out + who(prospect) + " " + are(prospect) + " reset" + because(prospect) + ".";
        if (step == "ask" && left)
            return out + ". Then it is asked again in " + human_duration(prospect.value("in_s", 0.0)) +
                   ", unless it makes progress.";
        if (step == "leave") out += "the flow is left alone" + because(prospect);
        left = left || step == "leave";
    }
    return left ? out + "." : std::string();
}

/// The course of things once nobody is to be asked any more.
void add_course(const json& prospects, const json& e, Sentences& out) {
    bool confirming = false;
    for (const json& prospect : prospects) {
        const std::string step = step_of(prospect);
        if (step == "confirm" && std::exchange(confirming, true)) continue;
        out.push_back(sentence(prospect, e));
    }
}

}  // namespace

bool report_withdrawn(const json& e) {
    const json flow = part(e, "flow");
    const json history = flow.value("history", json::array());
    if (history.empty() || !states_unknown(flow)) return false;
    const json& last = history.back();
    return text_at(last, "state") == "unknown" && !last.value("segment", json()).is_object();
}

Sentences next_sentences(const json& e) {
    const auto next = e.value("next", std::vector<json>());
    const auto answered = e.value("if_answered", std::vector<json>());
    Sentences out;
    if (next.empty()) {
        out.emplace_back("Nothing, until one of its segments changes how it stands.");
        return out;
    }
    const std::string first = step_of(next.front());
    const bool inquiry = first == "ask" || first == "count_silent" || first == "near_miss";
    if (!inquiry) {
        add_course(answered.empty() ? next : answered, e, out);
        return out;
    }
    out.push_back(sentence(next.front(), e));
    if (std::string text = silence(std::span(next).subspan(1), first == "ask" ? 1 : 0,
                                   next.front().value("attempt", 0) != 1);
        !text.empty())
        out.push_back(std::move(text));
    if (answered.empty()) return out;
    if (std::string text = life(next.front(), std::span(answered).subspan(1)); !text.empty())
        out.push_back(std::move(text));
    return out;
}

}  // namespace finwait::ctl
