// One shard's brain: segments and time in, verdicts and actions out. Follows every flow, applies the
// policies, and decides which half-closed ones end. Pure: no I/O, no clock, no thread; the same engine runs
// in the daemon, in the replay, in the simulator and in the benchmarks.
#pragma once

#include "engine/action.hpp"
#include "engine/adoptee.hpp"
#include "engine/belief.hpp"
#include "engine/explain.hpp"
#include "engine/report.hpp"
#include "flow/awake.hpp"
#include "flow/inquiry.hpp"
#include "flow/prefix.hpp"
#include "policy/breaker.hpp"
#include "policy/policy.hpp"
#include "policy/pressure.hpp"
#include "tcp/segment.hpp"
#include "tcp/time.hpp"
#include "tcp/unreachable.hpp"

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <vector>

namespace finwait::engine {

/// What can be changed while flows are tracked.
struct Tuning {
    policy::PolicySet policies;
    std::uint32_t resets_per_second = 10'000;
    std::uint32_t probes_per_second = 20'000;
    bool observe = false;  // decide and record, never send
    policy::Pressure pressure;
    std::uint32_t half_closed_per_source = 0;   // that one source closed first; 0: no limit
    flow::Prefixes source_prefixes;             // which addresses are one source
    double breaker_share = policy::kNoBreaker;  // of the table, that a policy may end within a minute
    /// Flows of this machine's own sockets that are left alone, unless a policy other than `default` matches.
    std::optional<policy::Filter> spare;
};

/// Told of what happens to flows while it happens; for the replay and for tests. Must not call the engine.
class Observer {
  public:
    virtual ~Observer() = default;
    /// A flow has begun.
    virtual void began(const FlowReport& flow) = 0;
    /// One side of a flow has moved.
    virtual void moved(FlowId id, const flow::Step& step) = 0;
    /// A flow is about to be forgotten; this is how it stood.
    virtual void ended(const FlowReport& flow) = 0;
};

struct Options {
    std::uint32_t max_flows = 1'000'000;  // at least 1, below 2^24
    std::uint8_t shard = 0;
    std::uint32_t awake = flow::kAwake;  // flows that keep a full record after they were busy
    bool selective = true;               // established flows are released to the kernel's fast path
    /// Keys the flow table's hash: unknown to whoever sends packets.
    std::uint64_t hash_key[2] = {0, 0};
    Tuning tuning;
    /// Segments may be missing without on_loss(), as in a capture: when both sides, each implausible by the
    /// numbers known, agree with each other, the numbers are taken anew. Not for a path that attackers can
    /// write to.
    bool silent_losses = false;
    Observer* observer = nullptr;  // may be null; must outlive the engine
    /// Where the tables are kept, which are few, large and read at random; must outlive the engine.
    std::pmr::memory_resource* memory = std::pmr::new_delete_resource();
};

/// Why a flow was or was not reset on request.
enum class KillResult : std::uint8_t {
    requested,       // the RST pair goes out at the next quiet moment
    not_found,       // no such flow any more
    not_exact,       // its numbers are not known exactly: it runs on the kernel's fast path, or was adopted
    untouchable,     // signed (MD5, AO), one of several subflows (MPTCP), or ambiguous (flow::Ambiguity)
    already_closed,  // nothing is left to end
};

[[nodiscard]] std::string_view name(KillResult r);

class Engine {
  public:
    explicit Engine(Options options);
    ~Engine();
    Engine(Engine&&) noexcept;
    Engine& operator=(Engine&&) noexcept;

    /// Segments that on_segment() is about to be told of, all of which have arrived: memory is waited for
    /// once for all of them. They stay where they are, and as they are, until the next call.
    void expect(std::span<const tcp::Segment> segments);
    /// Takes note of a segment that is about to be forwarded, or that arrives at or leaves this machine.
    [[nodiscard]] Verdict on_segment(Instant now, const tcp::Segment& segment, Way way = Way::forwarded);
    /// Takes note of what this machine says of its socket at `end`, instead of an answer to a probe: alive,
    /// orphan or gone.
    void on_socket_state(Instant now, FlowId flow, const tcp::Endpoint& end, flow::Evidence evidence);
    /// What the flow's last actions are to send has to wait, and leaves now. Meanwhile nobody's silence means
    /// anything.
    void hold(Instant now, FlowId flow);
    void let_go(Instant now, FlowId flow);
    /// Takes note of an ICMP error that is about to be forwarded. One that answers a probe of ours is
    /// dropped: the side in whose name we asked did not send what it quotes.
    [[nodiscard]] Verdict on_unreachable(const tcp::Unreachable& error);
    /// A probe or RST that on_tick() asked for did not leave this machine: its own queue was full, a rule has
    /// dropped it, or nobody knew its addresses. It counts as no attempt and is sent again later; nobody is
    /// taken for silent by it, and nothing for ended. `counted`: false where it has waited since an earlier
    /// on_tick(), and stays among those sent in the counters.
    void on_unsent(Instant now, const tcp::Segment& segment, bool counted = true);
    /// Uses up places under probes_per_second for probes that are not of this engine's making. False when
    /// they may not be sent now.
    [[nodiscard]] bool take_probes(Instant now, unsigned places);
    /// Whether the flow of the segment that an error quotes is in this engine's table.
    [[nodiscard]] bool follows(const tcp::Unreachable& error) const;
    /// Counts a packet that could not be read as a segment.
    void on_unparsed(tcp::ParseError error);
    /// `packets` passed unseen: no flow's numbers hold before its sides have been heard again. Half-closed
    /// ones are asked soon.
    void on_loss(Instant now, std::uint64_t packets);
    /// Segments of this flow may have passed unseen; its sides are asked where they stand. False for a
    /// handshake, of which there is nothing to be asked.
    bool on_unseen(Instant now, FlowId flow);
    /// Says that what on_segment() sees of the flow is not enough to send anything for it. From now on the
    /// flow is only reported: it is neither probed nor reset. REQUIRES: not Ambiguity::none.
    void on_ambiguous(FlowId flow, flow::Ambiguity ambiguity);
    /// From now on answers may pass unseen, and silence proves nothing: no deadline is acted on before
    /// go_on(). Nobody is asked, ended or forgotten meanwhile.
    void hold();
    /// `missed`: packets have passed unseen since hold(). Then whatever was being asked is asked anew.
    void go_on(Instant now, bool missed);
    [[nodiscard]] bool on_hold() const;
    /// Takes note of what conntrack believed at `seen` of a flow, unless it has been heard since. False when
    /// there is no such flow in the table.
    [[nodiscard]] bool on_hint(Instant now, Instant seen, const Hint& hint);
    /// All hints from conntrack's table have been given since `begun`, by a look that no other hints belong
    /// to: open flows that it does not know any more are forgotten.
    void on_hints_complete(Instant begun);
    /// Whether there is a half-closed flow between these two.
    [[nodiscard]] bool half_closed(const tcp::Endpoint& a, const tcp::Endpoint& b) const;
    /// And whether its own segments prove it, and nothing of it has passed for two seconds that might be on
    /// its way still.
    [[nodiscard]] bool surely_half_closed(Instant now, const tcp::Endpoint& a, const tcp::Endpoint& b) const;
    /// Nothing may be sent.
    [[nodiscard]] bool observes() const;

    /// Takes over what conntrack says of a connection older than the engine, into a flow that was picked up
    /// midway meanwhile. False when the connection is not in the table.
    [[nodiscard]] bool adopt_known(Instant now, const Adoptee& adoptee);
    /// Follows a connection that is not in any shard's table; false when there is no room. It is *unheard*
    /// until a segment of it comes: perhaps they all come to another shard.
    [[nodiscard]] bool adopt(Instant now, const Adoptee& adoptee);
    /// A segment came to another shard, which does not know its flow: an unheard one is given away to it. But
    /// an RST stays here while a socket of this machine is being asked: it answers what was sent because of
    /// that.
    [[nodiscard]] std::optional<Adoptee> hand_over(Instant now, const tcp::Segment& heard);
    /// And that shard follows it from that segment on, which it has forwarded.
    void take_in(Instant now, const Adoptee& adoptee, const tcp::Segment& heard);
    /// How many flows are unheard.
    [[nodiscard]] std::uint64_t unheard() const;

    /// Appends what is to be done at `now`: due deadlines, within a budget, and what on_segment() left to do.
    /// Call again when next_deadline() has come.
    void on_tick(Instant now, Actions& actions);
    /// When on_tick() has work next; Instant::never() when nothing is pending. In the past when work is left
    /// over.
    [[nodiscard]] Instant next_deadline() const;

    /// Puts other policies in force; flows keep their state and are matched anew.
    void tune(Instant now, Tuning tuning);

    /// Reports flows that match `filter`, looking at up to `slots` table slots from `cursor` on (start with
    /// 0). Returns where to go on, or nothing at the table's end.
    [[nodiscard]] std::optional<std::uint32_t> visit(Instant now, std::uint32_t cursor, std::uint32_t slots,
                                                     const policy::Filter& filter,
                                                     std::vector<FlowReport>& out) const;
    [[nodiscard]] std::optional<FlowReport> find(Instant now, FlowId id) const;
    /// Whether no segment of a flow has passed since `then`: what was decided then still holds.
    [[nodiscard]] bool quiet_since(Instant then, FlowId id) const;
    /// Why a flow stands as it does, and what comes next; empty when there is no such flow.
    [[nodiscard]] std::optional<Explanation> explain(Instant now, FlowId id) const;
    /// Asks for a flow's end; the RSTs come with the next on_tick().
    [[nodiscard]] KillResult kill(Instant now, FlowId id);
    /// Lets a policy that its breaker has stopped go on. False when there is no policy of that name.
    [[nodiscard]] bool resume(std::string_view policy);

    /// Appends the flows in up to `slots` table slots from `cursor` on to `batch`, as bytes: what a restart
    /// needs to lose no knowledge. Returns where to go on with the next batch, or nothing at the table's end.
    [[nodiscard]] std::optional<std::uint32_t> save(Instant now, std::uint32_t cursor, std::uint32_t slots,
                                                    std::vector<std::uint8_t>& batch) const;
    /// Takes over the flows that an engine of the same shard had at `saved`, by the same clock; each batch
    /// readable(), in the order of saving, before the first segment. They keep their names and times.
    /// Returns how many there are; what does not fit the table is left out.
    std::uint32_t restore(Instant now, Instant saved, std::span<const std::span<const std::uint8_t>> batches);

    [[nodiscard]] const Counters& counters() const;
    [[nodiscard]] Gauges gauges() const;
    /// How long the flows that are half-closed now have been so.
    [[nodiscard]] policy::Lasting half_closed_ages(Instant now) const;
    /// By policy index.
    [[nodiscard]] std::vector<PolicyCounts> policy_counts() const;
    [[nodiscard]] const policy::PolicySet& policies() const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace finwait::engine
