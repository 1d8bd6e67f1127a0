#include "ctl/explain_next.hpp"

#include "ctl/text.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
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

/// The attempts of one inquiry that a side leaves unanswered.
class Unanswered {
  public:
    void add(const json& asked) {
        for (const json& side : asked.value("sides", json::array())) {
            Count& count = counts_[side.get<std::string>()];
            if (count.attempts++ == 0) count.more = asked.value("attempt", 1) > 1;
        }
    }
    /// Whether this attempt opens another inquiry of one that has been asked before.
    [[nodiscard]] bool begins_again(const json& asked) const {
        const json sides = asked.value("sides", json::array());
        return asked.value("attempt", 1) == 1 &&
               std::ranges::any_of(sides, [this](const json& side) { return counts_.contains(side); });
    }
    /// "after 3 more unanswered attempts "; nothing for who is not asked any more.
    [[nodiscard]] std::string text(const json& sides) const {
        Count most;
        for (const json& side : sides)
            if (const auto found = counts_.find(side.get<std::string>());
                found != counts_.end() && found->second.attempts > most.attempts)
                most = found->second;
        if (most.attempts == 0) return {};
        return fmt::format("after {}{} unanswered attempt{} ", most.attempts, most.more ? " more" : "",
                           most.attempts == 1 ? "" : "s");
    }
    [[nodiscard]] json sides() const {
        json all = json::array();
        for (const auto& [side, count] : counts_)
            all.push_back(side);
        return all;
    }
    void forget() { counts_.clear(); }

  private:
    struct Count {
        int attempts = 0;
        bool more = false;  // others were made before
    };
    std::map<std::string, Count> counts_;
};

/// "after 3 unanswered attempts the server counts as silent (in 57s), and then both sides are reset: …".
std::string silence(std::span<const json> next) {
    std::string out;
    Unanswered unanswered;
    const auto add = [&out](const std::string& part) {
        out += (out.empty() ? "Without an answer: " : "; ") + part;
    };
    for (const json& prospect : next) {
        const std::string step = step_of(prospect);
        const std::string in = " (in " + human_duration(prospect.value("in_s", 0.0)) + ")";
        if (step == "ask" && unanswered.begins_again(prospect)) {
            add(fmt::format("{}{} {} asked from the first attempt again{}",
                            unanswered.text(unanswered.sides()), who(prospect), are(prospect), in));
            unanswered.forget();
        }
        if (step == "ask") unanswered.add(prospect);
        if (step == "count_silent" && &prospect != &next.front())
            add(fmt::format("{}{} {} silent{}", unanswered.text(prospect.value("sides", json::array())),
                            who(prospect), sides_of(prospect) == 1 ? "counts as" : "count as", in));
        const std::string then = out.empty() ? "Without an answer: " : out + ", and then ";
        if (step == "reset")
            return then + who(prospect) + " " + are(prospect) + " reset" + because(prospect) + ".";
        if (step == "leave") return then + "the flow is left alone" + because(prospect) + ".";
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
    if (std::string text = silence(next); !text.empty()) out.push_back(std::move(text));
    if (answered.empty()) return out;
    if (std::string text = life(next.front(), std::span(answered).subspan(1)); !text.empty())
        out.push_back(std::move(text));
    return out;
}

}  // namespace finwait::ctl
