// The engine's inside: one flow table, one timer wheel, and the counters. engine.cpp is its face; track.cpp,
// settle.cpp, expire.cpp and inspect.cpp hold its jobs, adopt.cpp and catchup.cpp what conntrack tells.
#pragma once

#include "engine/census.hpp"
#include "engine/engine.hpp"
#include "engine/line.hpp"
#include "engine/snapshot.hpp"
#include "flow/sources.hpp"
#include "flow/table.hpp"
#include "flow/wheel.hpp"
#include "reaper/pace.hpp"
#include "reaper/reaper.hpp"
#include "tcp/position.hpp"
#include "tcp/tracker.hpp"

#include <unordered_map>

namespace finwait::engine {

/// Which timeout a flow stands under.
enum class Stage : std::uint8_t {
    provisional,  // handshake not complete, or adopted and only one side heard
    established,
    fin_wait_1,  // one side has sent a FIN that is not acknowledged
    half_closed,
    closing,  // both FINs sent
    finished,
    unsettled,  // adopted: a FIN was acknowledged, and whether the other side is still open is not known
};

/// Events that wait for the next on_tick(); more are counted as lost.
inline constexpr std::size_t kMaxPendingEvents = 16'384;

/// Half-closed flows that are asked, after a loss, where they stand.
inline constexpr std::uint32_t kVerifiedPerSecond = 2000;

class Engine::Impl {
  public:
    explicit Impl(Options options);

    void expect(std::span<const tcp::Segment> segments);
    Verdict on_segment(Instant now, const tcp::Segment& segment, Way way);
    void on_socket_state(Instant now, FlowId flow, const tcp::Endpoint& end, flow::Evidence evidence);
    void hold(Instant now, FlowId flow);
    void let_go(Instant now, FlowId flow);
    Verdict on_unreachable(const tcp::Unreachable& error);
    void on_unsent(Instant now, const tcp::Segment& segment, bool counted);
    [[nodiscard]] bool take_probes(Instant now, unsigned places);
    [[nodiscard]] bool follows(const tcp::Unreachable& error) const;
    void on_loss(Instant now, std::uint64_t packets);
    bool on_unseen(Instant now, FlowId flow);
    void on_ambiguous(FlowId flow, flow::Ambiguity ambiguity);
    void hold() { on_hold_ = true; }
    void go_on(Instant now, bool missed);
    [[nodiscard]] bool on_hold() const { return on_hold_; }
    [[nodiscard]] bool on_hint(Instant now, Instant seen, const Hint& hint);
    void on_hints_complete(Instant begun);
    void on_tick(Instant now, Actions& actions);
    [[nodiscard]] Instant next_deadline() const;
    void tune(Instant now, Tuning tuning);

    std::optional<std::uint32_t> visit(Instant now, std::uint32_t cursor, std::uint32_t slots,
                                       const policy::Filter& filter, std::vector<FlowReport>& out) const;
    [[nodiscard]] std::optional<FlowReport> find(Instant now, FlowId id) const;
    [[nodiscard]] bool half_closed(const tcp::Endpoint& a, const tcp::Endpoint& b) const;
    [[nodiscard]] bool surely_half_closed(Instant now, const tcp::Endpoint& a, const tcp::Endpoint& b) const;
    [[nodiscard]] bool quiet_since(Instant then, FlowId id) const;
    [[nodiscard]] std::optional<Explanation> explain(Instant now, FlowId id) const;
    [[nodiscard]] KillResult kill(Instant now, FlowId id);
    [[nodiscard]] bool resume(std::string_view policy);
    std::optional<std::uint32_t> save(Instant now, std::uint32_t cursor, std::uint32_t slots,
                                      std::vector<std::uint8_t>& batch) const;
    std::uint32_t restore(Instant now, Instant saved, std::span<const std::span<const std::uint8_t>> batches);
    [[nodiscard]] bool adopt_known(Instant now, const Adoptee& adoptee);
    [[nodiscard]] bool adopt(Instant now, const Adoptee& adoptee, bool counted = false);
    [[nodiscard]] std::optional<Adoptee> hand_over(Instant now, const tcp::Segment& heard);
    void take_in(Instant now, const Adoptee& adoptee, const tcp::Segment& heard);
    [[nodiscard]] std::uint64_t unheard() const { return unheard_now_; }
    [[nodiscard]] Gauges gauges() const;
    [[nodiscard]] policy::Lasting half_closed_ages(Instant now) const { return census_.ages(now); }
    [[nodiscard]] std::vector<PolicyCounts> counts_by_policy() const;

    Counters counters;
    Tuning tuning;

  private:
    using Record = flow::Record;
    /// How a flow stood before something happened to it.
    struct Before {
        Stage stage;
        std::array<tcp::State, 2> states;
        bool released;
    };
    [[nodiscard]] static Before before(const Record& record);

    // track.cpp: segments
    [[nodiscard]] std::uint64_t hash_of(const tcp::Segment& segment, const flow::Key& key) const;
    Verdict begin(Instant now, const flow::Key& key, const tcp::Segment& segment, Way way);
    void reopen(Instant now, std::uint32_t slot, tcp::Role from, const tcp::Segment& segment);
    void place(Instant now, std::uint32_t slot, const tcp::Opened& opened, const tcp::Segment& segment);
    [[nodiscard]] std::uint32_t make_room(Instant now, const flow::Key& key);
    void erase(Instant now, std::uint32_t slot);
    void note_led_astray(Instant now, std::uint32_t slot, const tcp::Segment& segment);
    [[nodiscard]] Verdict follow(Instant now, std::uint32_t slot, const tcp::Segment& segment);
    void note_signing(Instant now, std::uint32_t slot, const Before& unread, const tcp::Segment& segment);
    void check_position(Instant now, std::uint32_t slot, tcp::Role from, const tcp::Segment& segment);
    void note_accepted(Instant now, std::uint32_t slot, const tcp::Segment& segment, bool progress);
    void settle(Instant now, std::uint32_t slot, const Before& before, const tcp::Segment* cause);
    void note_step(Instant now, std::uint32_t slot, tcp::Role side, const tcp::Segment* cause);
    void change_stage(Instant now, std::uint32_t slot, Stage to);
    void note_half_closed(Instant now, std::uint32_t slot);
    void count_half_closed(Record& record, Instant since);
    void count_half_closed_no_more(const Record& record);
    void enter(Instant now, std::uint32_t slot);
    void note_half_closed_no_more(Instant now, std::uint32_t slot, Stage to);
    [[nodiscard]] Verdict verdict_for(Instant now, Record& record);

    // gap.cpp: segments that nobody has seen
    [[nodiscard]] std::optional<tcp::Advance> bridge_gap(std::uint32_t slot, tcp::Role from,
                                                         const tcp::Segment& segment);

    // expire.cpp: deadlines
    /// What one flow's deadline can bring about: two segments, and what is told of them and of the policy.
    static constexpr std::size_t kMostActionsOfOne = 16;
    [[nodiscard]] bool has_room(Actions& actions, std::size_t more);
    void tell_pending(Actions& actions);
    void wake(Instant now, std::uint32_t slot, Actions& actions);
    void expire(Instant now, std::uint32_t slot, Stage stage);
    void wake_due(Instant now, Actions& actions);
    void reap(Instant now, std::uint32_t slot, Actions& actions, bool granted = false);
    void arm_after(Instant now, std::uint32_t slot, const reaper::Decision& decision);
    void send(std::uint32_t slot, const reaper::Decision& decision, Actions& actions);
    void note_would_reset(Instant now, std::uint32_t slot, std::string_view reason, Actions& actions);
    void finish_reset(Instant now, std::uint32_t slot, reaper::Result result, std::string_view reason);
    void take_for_closed(Instant now, std::uint32_t slot);
    [[nodiscard]] Instant deadline(const Record& record, Stage stage) const;
    void arm(std::uint32_t slot, Instant when);

    // waiting.cpp: what waits for a rate limit, and what did not leave
    void stand_in_line(std::uint32_t slot, reaper::Limit limit);
    void serve(Instant now, Line& line, Actions& actions);
    [[nodiscard]] Instant next_turn() const;
    void set_rates();

    // catchup.cpp: after losses
    void doubt(Record& record) const;
    void catch_up_with_losses(Instant now, std::uint32_t slot);
    void begin_due_walk(Instant now);
    void walk(Instant now);
    void forget_unknown(Instant now);
    void doubt_half_closed(Instant now, std::uint32_t slot);
    void compare(Instant now, Instant seen, std::uint32_t slot, const Hint& hint);
    void verify_soon(std::uint32_t slot, Instant when);
    void believe(Instant now, std::uint32_t slot, const Hint& hint);
    void believe_half_closed(Instant now, std::uint32_t slot, const tcp::Endpoint& closer);
    void withdraw_report(Instant now, std::uint32_t slot);
    [[nodiscard]] static bool report_is_settled(const Record& record);
    bool revive_report(Instant now, std::uint32_t slot);
    void turn_round(std::uint32_t slot);

    // limits.cpp: what does not concern one flow alone
    void set_policies();
    [[nodiscard]] std::uint32_t lasting() const;
    void note_fill();
    void squeeze(std::uint32_t steps_left);
    void sweep();
    void crowd(std::uint32_t slot);
    [[nodiscard]] tcp::Address source_of(const Record& record, tcp::Role side) const;
    [[nodiscard]] std::array<std::uint64_t, 2> hashes_of_sources(const Record& record) const;
    void count_sources_anew();

    // narrate.cpp: the reaper's steps as events
    [[nodiscard]] reaper::Heard listen(Instant now, std::uint32_t slot, tcp::Role from,
                                       const tcp::Segment& segment);
    void tell_answer(Instant now, std::uint32_t slot, tcp::Role from, const flow::Inquiry& before,
                     flow::Phase phase);
    void tell_steps(Instant now, std::uint32_t slot, const reaper::Decision& decision, Actions& actions);
    void count_step(const Record& record, const reaper::Step& step);
    void count(Answer answer) { ++counters.answers[static_cast<std::size_t>(answer)]; }
    /// Of a flow that was in phase `before`, which was not watching.
    void tell_revival(Instant now, std::uint32_t slot, flow::Phase before);

    // explain.cpp, foresee.cpp: reasons
    [[nodiscard]] PolicyExplanation explain_policy(const policy::Policy& policy,
                                                   const policy::Subject& subject) const;
    /// What comes next, from when the flow is woken, if no segment passes but answers: either nobody answers,
    /// or whoever is asked lives.
    [[nodiscard]] std::vector<Prospect> foresee(Instant now, Instant wakes, Record record,
                                                bool answered) const;
    [[nodiscard]] std::optional<Prospect> foresee_expiry(Instant now, Record& record) const;
    [[nodiscard]] std::optional<Prospect> prospect(const Record& record, const reaper::Decision& decision,
                                                   Instant at) const;
    [[nodiscard]] Hindrance hindrance(const Record& record, Instant at) const;

    // adopt.cpp: flows that are older
    [[nodiscard]] std::array<tcp::Seq, 2> guesses(const flow::Key& key) const;
    void ask_early(Instant now, std::uint32_t slot);
    void note_heard(Record& record);
    void take_over_inquiry(Instant now, std::uint32_t slot, const Adoptee& adoptee);

    // restart.cpp: what outlives the engine
    [[nodiscard]] std::uint32_t slot_for(const Kept& kept);
    void take_over(Instant now, std::uint32_t slot, const Record& kept);

    // inspect.cpp: reports
    [[nodiscard]] policy::Subject subject(Instant now, const Record& record) const;
    [[nodiscard]] FlowReport report(Instant now, std::uint32_t slot) const;
    [[nodiscard]] FlowReport report(Instant now, std::uint32_t slot, const Record& record) const;
    /// What a kill would answer.
    [[nodiscard]] KillResult kill_result(const Record& record) const;
    [[nodiscard]] FlowId id_of(std::uint32_t slot) const;
    [[nodiscard]] std::optional<std::uint32_t> slot_of(FlowId id) const;
    [[nodiscard]] Event event(Instant now, std::uint32_t slot, EventType type, std::string_view reason) const;

    [[nodiscard]] static Stage stage(const Record& record);
    [[nodiscard]] static flow::Shelf shelf_for(Stage stage);
    /// Whether the reaper has the flow; otherwise only its stage's timeout runs.
    [[nodiscard]] static bool at_work(const Record& record);
    [[nodiscard]] const policy::Timeouts& timeouts(const Record& record) const {
        return timeouts_[record.policy];
    }
    void match_policy(Instant now, Record& record);
    /// Whether it is one of this machine's own that the operator wants left alone.
    [[nodiscard]] bool spared(Instant now, const Record& record) const;
    void count_states(const tcp::Connection& connection, std::int64_t by);
    void push_event(Event e);

    Options options_;
    flow::Table table_;
    std::span<const tcp::Segment> expected_;  // of these the hashes are known
    std::vector<std::uint64_t> hashes_;
    flow::Wheel wheel_;
    flow::Sources sources_;
    Line resets_;
    Line probes_;
    reaper::Pace adoptions_;                   // in what order, and how fast, adopted flows are asked
    std::vector<PolicyCounts> policy_counts_;  // this and the next two by policy
    std::vector<policy::Breaker> breakers_;
    std::vector<policy::Timeouts> timeouts_;  // as the pressure leaves them
    std::uint32_t steps_left_ = policy::Squeeze::kSteps;
    std::uint32_t swept_ = flow::kNoSlot;  // where the sweep for earlier deadlines stands; kNoSlot: none
    std::vector<Event> pending_;           // told at the next on_tick()
    std::array<std::array<std::int64_t, tcp::kStateCount>, 2> sides_{};
    Census census_;  // of what is half-closed now
    std::uint64_t released_now_ = 0;
    std::uint64_t unheard_now_ = 0;
    std::uint32_t losses_ = 0;
    std::uint32_t unheard_losses_ = 0;  // up to this one, answers may have passed unseen, too
    bool on_hold_ = false;
    reaper::Pace verify_pace_;
    Instant last_loss_;                       // of flows that began later nothing has passed unseen
    Instant walk_due_ = Instant::never();     // of the walk that follows a loss
    Instant next_walk_;                       // not before
    std::uint32_t walked_ = flow::kNoSlot;    // where it stands; kNoSlot: none is under way
    std::uint32_t looks_ = 1;                 // at conntrack's table, the one under way included
    Instant look_begun_;                      // the last complete one
    std::uint32_t compared_ = flow::kNoSlot;  // where forgetting by it stands
    /// With silent_losses: the latest implausible segment of a flow, by slot.
    struct Odd {
        tcp::Role from = tcp::Role::client;
        tcp::Segment segment;
    };
    std::unordered_map<std::uint32_t, Odd> odd_;
};

}  // namespace finwait::engine
