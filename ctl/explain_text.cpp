#include "ctl/explain_text.hpp"

#include "ctl/explain_next.hpp"
#include "ctl/table.hpp"
#include "ctl/text.hpp"

#include <cstdint>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace finwait::ctl {
namespace {

using nlohmann::json;

constexpr const char* kRoles[] = {"client", "server"};

void section(Output& out, std::string_view title, const std::vector<std::string>& sentences) {
    out.write(fmt::format("\n{}\n", title));
    for (const std::string& sentence : sentences)
        out.write("  " + sentence + "\n");
}

/// "It is established"; where it is not known to be, why not.
std::string standing(const json& e, const json& flow) {
    if (report_withdrawn(e))
        return "It is in an unknown state (conntrack reported it half-closed, no reply confirmed that, and "
               "finwaitd has withdrawn the report)";
    for (const char* role : kRoles)
        if (text_at(part(flow, role), "state") == "unknown")
            return "It is in a state that is not fully known yet";
    return "It is " + text_at(e, "stage");
}

void print_head(const json& e, const json& flow, Output& out) {
    const json client = part(flow, "client");
    const json server = part(flow, "server");
    out.write(fmt::format("Flow {}: client {} ({}), server {} ({})\n", text_at(flow, "id"),
                          endpoint_text(client), text_at(client, "state"), endpoint_text(server),
                          text_at(server, "state")));
    const std::string idle = duration_at(flow, "idle_s");
    const std::string progress = idle == "-" ? "how long it has made no progress is not known (fast path)"
                                             : "it has made no progress for " + idle;
    const std::string closer = text_at(flow, "closer");
    const std::string holder = closer == "client" ? "server" : "client";
    if (closer == "-")
        out.write(fmt::format("{}, has been followed for {}, and {}.\n", standing(e, flow),
                              duration_at(flow, "age_s"), progress));
    else
        out.write(fmt::format("The {} closed its direction {} ago, the {} has not closed; {}.\n", closer,
                              duration_at(e, "half_closed_s"), holder, progress));
}

void print_sides(const json& flow, Output& out) {
    Table table({{"SIDE"},
                 {"STATE"},
                 {"NEXT", 0, true},
                 {"ACK", 0, true},
                 {"FIN", 0, true},
                 {"FIN ACKED"},
                 {"WINDOW", 0, true},
                 {"EXACT"}},
                std::nullopt, out);
    const json sides = part(flow, "sides");
    for (const char* role : kRoles) {
        const json side = part(sides, role);
        table.add({role, text_at(part(flow, role), "state"), text_at(side, "next"), text_at(side, "ack"),
                   text_at(side, "fin"), text_at(side, "fin_acknowledged"), text_at(side, "window"),
                   text_at(side, "exact")});
    }
    out.write("\n");
    table.finish();
}

std::vector<std::string> term_lines(const json& policy) {
    std::vector<std::string> lines;
    for (const json& term : policy.value("terms", json::array()))
        lines.push_back(fmt::format("  {:<4} {}{}", text_at(term, "holds"), text_at(term, "text"),
                                    term.value("decides", false) ? "  (decides)" : ""));
    return lines;
}

/// "ssh does not match: port 22 decides against it".
std::string passed_over(const json& policy) {
    std::string deciding;
    for (const json& term : policy.value("terms", json::array()))
        if (term.value("decides", false)) deciding += (deciding.empty() ? "" : ", ") + text_at(term, "text");
    if (policy.value("matches", false))
        return fmt::format(
            "{} before it matches by now; it comes into force with finwaitd's next look at the flow.",
            text_at(policy, "name"));
    return fmt::format("{} before it does not match, because of: {}", text_at(policy, "name"), deciding);
}

/// "finwaitd only observes (mode)": by whose word nothing is sent.
std::string who_observes(const json& e) {
    return e.value("mode", "") == "observe" ? "finwaitd only observes (mode)"
                                            : "It only observes (on_expiry)";
}

/// What becomes of a flow whose time is up where nothing is sent.
std::string what_it_observes(const json& e) {
    const json policy = part(e, "policy");
    const std::string idle = duration_at(policy, "fin_wait_2_s");
    const std::string most = duration_at(policy, "fin_wait_2_max_s");
    if (idle == "-" && most == "-") return "It has no limit for half-closed flows.";
    std::string limits = idle == "-" ? std::string() : "without progress for " + idle;
    if (most != "-") limits += (limits.empty() ? "" : ", or ") + ("for " + most + " in all");
    const char* const otherwise =
        text_at(policy, "on_expiry") == "probe"
            ? ". Otherwise it would ask both sides first, and reset only on evidence."
            : ".";
    return who_observes(e) + ": of a flow that is half-closed " + limits +
           " it records that its time was up, and neither probes nor ends it" + otherwise;
}

std::string what_it_does(const json& policy) {
    const std::string idle = duration_at(policy, "fin_wait_2_s");
    const std::string most = duration_at(policy, "fin_wait_2_max_s");
    const std::string action = text_at(policy, "on_expiry");
    std::string text = idle == "-" ? std::string("It has no limit for half-closed flows without progress")
                                   : "Half-closed and without progress for " + idle + ", a flow is " +
                                         (action == "probe" ? "asked" : "reset");
    if (most != "-") text += "; half-closed for " + most + " in all, it is ended in any case";
    return text + ".";
}

void print_policy(const json& e, Output& out) {
    const json policy = part(e, "policy");
    std::vector<std::string> lines;
    const std::vector<std::string> terms = term_lines(policy);
    const std::string name = text_at(policy, "name");
    if (terms.empty())
        lines.push_back(name + " is in force: it matches every flow that no policy before it does.");
    else if (policy.value("matches", false))
        lines.push_back(name + " is in force, the first whose match holds:");
    else
        lines.push_back(name +
                        " was matched earlier and is in force until finwaitd's next look; its match now:");
    lines.insert(lines.end(), terms.begin(), terms.end());
    for (const json& other : e.value("passed_over", json::array()))
        lines.push_back(passed_over(other));
    lines.push_back(only_observed(e) ? what_it_observes(e) : what_it_does(policy));
    section(out, "Policy", lines);
}

std::string meaning(const std::string& evidence) {
    if (evidence == "alive") return "it is there";
    if (evidence == "orphan") return "its application has closed both ways, nobody reads any more";
    if (evidence == "gone") return "its connection no longer exists there";
    if (evidence == "unreachable") return "the network reports that it cannot be reached";
    if (evidence == "silent") return "it counts as silent";
    return evidence;
}

/// What is known of one side; empty when it was never asked.
std::string side_evidence(const char* role, const json& side, const json& policy) {
    const std::string evidence = text_at(side, "evidence");
    const std::string answered = duration_at(side, "answered_s");
    const std::string asked = duration_at(side, "asked_s");
    const auto probes = side.value("probes", std::uint64_t{0});
    if (side.value("confirmed", false))
        return fmt::format("The {} is gone: a probe after the reset drew an RST.", role);
    if (side.value("target", false))
        return probes == 0
                   ? fmt::format("The {} was reset, and has not been asked since.", role)
                   : fmt::format("The {} was reset, and asked {} since, last {} ago; {}.", role,
                                 times(probes), asked,
                                 evidence == "unknown" ? "no answer" : "its answer: " + meaning(evidence));
    if (evidence == "unknown" && answered != "-")
        return fmt::format("The {} answered a probe {} ago.", role, answered);
    if (evidence == "unknown")
        return probes == 0 ? std::string()
                           : fmt::format("The {} was asked {} of {} times, last {} ago, no answer.", role,
                                         probes, policy.value("probe_attempts", 0), asked);
    if (answered == "-")
        return fmt::format("The {} was asked {} without an answer: {}.", role, times(probes),
                           meaning(evidence));
    return fmt::format("The {} answered a probe {} ago: {}.", role, answered, meaning(evidence));
}

void print_evidence(const json& e, const json& flow, Output& out) {
    std::vector<std::string> lines;
    const std::string phase = text_at(flow, "phase");
    const std::string reason = text_at(e, "reason");
    const std::string since = duration_at(e, "in_phase_s");
    if (e.value("requested", false)) lines.emplace_back("An operator has asked for its end.");
    if (phase == "watching" && since != "-")
        lines.push_back(fmt::format("It was asked, and left alone {} ago: {}.", since, reason));
    else if (phase != "watching" && reason != "-")
        lines.push_back(fmt::format("It has been {} for {}: {}.", phase, since, reason));
    if (const auto rounds = e.value("rounds", 0); rounds > 0)
        lines.push_back(fmt::format("RSTs were sent {} time{}.", rounds, rounds == 1 ? "" : "s"));
    if (const std::string outcome = text_at(flow, "outcome"); outcome == "refused")
        lines.emplace_back("RSTs were sent before, and refused: a side has outlived them all.");
    else if (outcome != "-")
        lines.push_back("It was reset: " + outcome + ".");
    const json evidence = part(e, "evidence");
    for (const char* role : kRoles) {
        std::string line = side_evidence(role, part(evidence, role), part(e, "policy"));
        if (!line.empty()) lines.push_back(std::move(line));
    }
    if (lines.empty() && only_observed(e))
        lines.emplace_back("None: where finwaitd only observes, it probes nobody.");
    if (lines.empty()) lines.emplace_back("None: nobody has been asked yet.");
    section(out, "Evidence so far", lines);
}

}  // namespace

void print_explanation(const json& explanation, Output& out) {
    const json flow = part(explanation, "flow");
    print_head(explanation, flow, out);
    print_sides(flow, out);
    print_policy(explanation, out);
    print_evidence(explanation, flow, out);
    section(out, "What keeps it from being ended now", hindrance_sentences(explanation));
    section(out, "What happens next", next_sentences(explanation));
}

}  // namespace finwait::ctl
