// Decides how each segment of the engine's leaves this machine, and whether. The engine knows flows by what
// the forward hook shows; the receiver must be shown the source by which it knows its peer. Where that is not
// known nothing is sent: a side that is asked under a wrong name answers that it knows no such connection,
// and would be taken for gone. A socket of this machine is asked and ended by its kernel instead. Pure: every
// call returns actions; resume() takes the answer to the last one; drive() carries out and resumes.
#pragma once

#include "egress/action.hpp"
#include "egress/translations.hpp"
#include "engine/action.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace finwait::egress {

/// What keeps segments back, for the log; where there are several in a burst, the first of these is told.
enum class Problem : std::uint8_t {
    names_unknown,    // conntrack does not answer
    sockets_unknown,  // nor does this machine, of its own sockets
    unproven,         // routing has changed, and the flow has not been heard since
    queue_full,       // this machine's own queue has dropped segments
    refused,          // the kernel has
};

/// Why a segment has not left.
enum class Refusal : std::uint8_t {
    queue_full,  // this machine's own queue (qdisc, socket buffer) has dropped it
    refused,     // no route, a device that is down, or a rule in OUTPUT
};

/// What became of the segments that were to be sent.
struct Counts {
    std::uint64_t translated = 0;  // sent with an address that the forward hook does not show
    std::uint64_t no_entry = 0;    // sent as the forward hook shows it: conntrack has no entry
    std::uint64_t not_sent = 0;    // the addresses could not be found out in time
    std::uint64_t refused = 0;     // Refusal::refused
    std::uint64_t queue_full = 0;  // Refusal::queue_full
    std::uint64_t ended = 0;       // sockets of this machine that its kernel has ended
};

class Machine {
  public:
    using Actions = std::span<const Action>;
    /// Segments that wait for a search; more are given up.
    static constexpr std::size_t kMostWaiting = 16'384;
    static constexpr Duration kBetweenProblems = std::chrono::minutes(1);

    Machine() { actions_.reserve(kMostActions); }

    /// From now on conntrack is asked for names; before, segments leave as the engine makes them.
    void translate();
    /// Only connections with these bits in conntrack's mark are queued: the machine makes sure of them before
    /// a segment leaves. 0: all connections are queued.
    void queued_by(std::uint32_t mark) { mark_ = mark; }
    /// What was seen of flows until `then` does not prove that we may send to them, because routing has
    /// changed. Instant::never(): it does.
    void distrust(Instant then) { distrusted_until_ = then; }
    /// From now on this machine is asked for its own sockets; before, they are treated as any others.
    /// `can_destroy`: it also ends them on request.
    void know_own_sockets(bool can_destroy);

    /// The following return what is to be done, in this order; valid until the next call. If asks(), resume()
    /// takes the answer to the last one and goes on. REQUIRES for all but resume() and abandon(): !asks().
    [[nodiscard]] Actions send(Instant now, const engine::Send& order);
    /// A flow has become half-closed: makes sure that its segments are queued from now on and, if one of its
    /// ends is a socket of this machine, remembers by which names.
    [[nodiscard]] Actions note_half_closed(Instant now, const engine::Event& event);
    /// A search has ended; `failed`: without result. Sends the first segment that waited for it. Call until
    /// it returns nothing, with the same arguments.
    [[nodiscard]] Actions release(Instant now, const Wanted& found, bool failed);
    /// A segment of the burst has not left; as the engine made it.
    [[nodiscard]] Actions not_sent(const tcp::Segment& segment, Refusal why);
    /// REQUIRES: asks(), and `answer` is one that the last action may get.
    [[nodiscard]] Actions resume(Instant now, const Answer& answer);
    /// The last action could not be carried out, for want of memory: its segment is given up.
    [[nodiscard]] Actions abandon();
    [[nodiscard]] bool asks() const { return step_ < Step::sent; }

    /// The burst has been sent. What is to be told of it in the log, once a minute at most.
    [[nodiscard]] std::optional<Problem> end_burst(Instant now);

    /// How the flow is translated, as far as that has been found out.
    [[nodiscard]] std::optional<flow::Translation> translation(Instant now, engine::FlowId flow);
    /// The flow has come to its end.
    void forget(engine::FlowId flow) { known_.forget(flow); }
    [[nodiscard]] const Counts& counts() const { return counts_; }

  private:
    using State = Translations::State;
    static constexpr std::size_t kMostActions = 2;

    /// What the last action was, and so what its answer decides.
    enum class Step : std::uint8_t {
        find_names,
        find_names_again,
        check_table,
        scan_table,
        check_entry,
        mark_entry,
        tell_gap,
        let_go,
        probe_socket,
        find_socket_to_end,
        destroy_socket,
        note_client_socket,
        note_server_socket,
        note_entry,
        note_mark,
        // no answer is waited for
        sent,
        parked,  // it is the last of those that wait
        done,
    };

    enum class Sockets : std::uint8_t { unknown, asked, asked_and_ended };

    /// A segment that waits for a search, and when it was made.
    struct Waiting {
        engine::Send order;
        Instant since;
    };

    /// The segment that is being sent.
    struct Job {
        engine::Send order;
        Translations::Entry names;
        std::optional<Instant> waited;  // for a search, since then
    };

    /// A flow that has become half-closed.
    struct Noting {
        engine::FlowId flow;
        tcp::Endpoint client;
        tcp::Endpoint server;
    };

    // machine.cpp: names, marks
    [[nodiscard]] Actions ask(Step step, const Action& question);
    [[nodiscard]] Actions finish();
    [[nodiscard]] Actions finish_with(const engine::Notice& notice);
    [[nodiscard]] Actions give_up();
    [[nodiscard]] Actions refuse(flow::Ambiguity why);
    void note(Problem problem);
    [[nodiscard]] Actions find_names(Step step);
    [[nodiscard]] Actions take_entry(Instant now, const Answer& answer);
    [[nodiscard]] Actions take_found(Instant now, const flow::Translation& found);
    [[nodiscard]] Actions take_table(Instant now, const Table& table);
    [[nodiscard]] Actions check(const flow::Translation& connection);
    [[nodiscard]] Actions check_known(const Answer& answer);
    [[nodiscard]] Actions tell_gap();
    [[nodiscard]] Actions take_gap(bool asked);
    [[nodiscard]] Actions transmit();
    [[nodiscard]] Actions transmit_as(const tcp::Segment& segment, Path path);
    [[nodiscard]] tcp::Segment as_expected() const;

    // waiting.cpp: segments that wait for a search
    [[nodiscard]] Actions scan();
    [[nodiscard]] Actions park(Instant now);
    [[nodiscard]] Actions let_go(Instant now, bool holds);
    [[nodiscard]] static Translations::Entry outcome(Instant now, const Translations::Entry& before,
                                                     const std::optional<flow::Translation>& found);

    // own_sockets.cpp: sockets of this machine
    [[nodiscard]] Actions ask_socket(const tcp::Segment& segment);
    [[nodiscard]] Actions take_socket(Instant now, const Answer& answer);
    [[nodiscard]] Actions take_socket_to_end(const Answer& answer);
    [[nodiscard]] Actions take_destroyed(Destroyed destroyed);

    // half_closed.cpp
    [[nodiscard]] Actions note_sockets(Step step);
    [[nodiscard]] Actions take_noted_socket(Instant now, const Answer& answer);
    [[nodiscard]] Actions note_entry();
    [[nodiscard]] Actions take_noted_entry(const Answer& answer);

    bool translates_ = false;
    Sockets sockets_ = Sockets::unknown;
    std::uint32_t mark_ = 0;
    Instant distrusted_until_ = Instant::never();
    Translations known_;
    std::vector<Waiting> waiting_;
    std::size_t released_ = 0;  // of those that wait, how many release() has looked at,
    std::size_t left_ = 0;      // and how many of these go on waiting
    const std::optional<flow::Translation>* scanned_ =
        nullptr;  // what the search has found; null: it has failed
    std::optional<engine::FlowId>
        ended_here_;  // in this burst: the kernel has ended its socket, and told the peer
    std::optional<engine::FlowId> doubted_;  // in this burst: its sides are probed again
    std::optional<Problem> problem_;         // of this burst
    Instant told_problem_ = Instant::never();
    Counts counts_;
    Step step_ = Step::done;
    Job job_;
    Noting noting_;
    std::vector<Action> actions_;
};

}  // namespace finwait::egress
