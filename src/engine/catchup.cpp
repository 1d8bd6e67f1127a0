// What follows a loss: flows of which something may have passed unseen catch up, by what conntrack has seen
// and by asking their sides.

#include "engine/impl.hpp"
#include "tcp/report.hpp"

#include <algorithm>
#include <cassert>

namespace finwait::engine {

namespace {

/// By then conntrack has been asked, which knows the end of most without that anybody is bothered.
constexpr Duration kBeforeWalk = std::chrono::seconds(2);
/// While packets go on being lost.
constexpr Duration kBetweenWalks = std::chrono::seconds(10);
/// Slots looked at in one on_tick().
constexpr std::uint32_t kWalkBudget = 4096;

/// conntrack sees a segment before it is queued: of a flow that is busy it knows what has yet to come here.
constexpr Duration kAhead = std::chrono::milliseconds(500);

constexpr std::string_view kEndUnseen = "closed while segments passed unseen";

}  // namespace

void Engine::Impl::on_loss(Instant now, std::uint64_t packets) {
    counters.packets_lost += packets;
    ++losses_;
    last_loss_ = now;
    if (walk_due_ == Instant::never()) walk_due_ = std::max(now + kBeforeWalk, next_walk_);
}

/// Where that happens again before its numbers are known, somebody keeps it from being heard: there is time.
bool Engine::Impl::on_unseen(Instant now, FlowId id) {
    const auto slot = slot_of(id);
    if (!slot) return false;
    catch_up_with_losses(now, *slot);
    Record& record = table_[*slot];
    if (tcp::embryonic(record.connection)) return false;
    const bool again = tcp::in_doubt(record.connection);
    const Before earlier = before(record);
    tcp::note_gap(record.connection);
    reaper::revive(record);
    settle(now, *slot, earlier, nullptr);
    verify_soon(*slot, again ? now + std::max(reaper::kQuiet, timeouts(record).fin_wait_2) : now);
    table_.lay_down(*slot);
    return true;
}

void Engine::Impl::on_ambiguous(FlowId id, flow::Ambiguity ambiguity) {
    assert(ambiguity != flow::Ambiguity::none);
    const auto slot = slot_of(id);
    if (!slot) return;
    Record& record = table_[*slot];
    if (record.ambiguity != flow::Ambiguity::none) return;
    record.ambiguity = ambiguity;
    ++(ambiguity == flow::Ambiguity::numbers ? counters.shifted : counters.shared);
    reaper::revive(record);
    record.reaping.requested = record.reaping.crowded = record.reaping.verify = false;
    arm(*slot, deadline(record, stage(record)));
    table_.lay_down(*slot);
}

void Engine::Impl::go_on(Instant now, bool missed) {
    on_hold_ = false;
    if (!missed) return;
    on_loss(now, 0);
    unheard_losses_ = losses_;
}

/// A record as the losses since it was last touched leave it; this may be a copy.
void Engine::Impl::doubt(Record& record) const {
    if (record.losses == losses_) return;
    const bool unheard = static_cast<std::int32_t>(unheard_losses_ - record.losses) > 0;  // they wrap round
    record.losses = losses_;
    tcp::note_gap(record.connection);
    reaper::forget_corrections(record);
    const flow::Phase phase = record.reaping.phase;
    if (unheard && (phase == flow::Phase::probing || phase == flow::Phase::resetting)) reaper::revive(record);
}

void Engine::Impl::catch_up_with_losses(Instant now, std::uint32_t slot) {
    Record& record = table_[slot];
    if (record.losses == losses_) return;
    const Before earlier = before(record);
    doubt(record);
    // Answers may be among what was lost: it is asked anew, and nobody is silent before nothing is lost any
    // more.
    if (record.reaping.phase == flow::Phase::probing && reaper::undecided(record)) reaper::revive(record);
    settle(now, slot, earlier, nullptr);
}

void Engine::Impl::begin_due_walk(Instant now) {
    if (now < walk_due_ || walked_ != flow::kNoSlot) return;
    walk_due_ = Instant::never();
    next_walk_ = now + kBetweenWalks;
    walked_ = 0;
}

/// Half-closed flows are asked, so many a second.
void Engine::Impl::walk(Instant now) {
    const std::uint32_t end = std::min(walked_ + kWalkBudget, table_.slots());
    for (; walked_ < end; ++walked_) {
        if (!table_.live(walked_)) continue;
        catch_up_with_losses(now, walked_);
        doubt_half_closed(now, walked_);
        table_.lay_down(walked_);
    }
    if (walked_ >= table_.slots()) walked_ = flow::kNoSlot;
}

void Engine::Impl::doubt_half_closed(Instant now, std::uint32_t slot) {
    Record& record = table_[slot];
    if (record.reaping.verify || !reaper::to_be_verified(record)) return;
    if (record.reaping.phase == flow::Phase::resetting) reaper::revive(record);
    if (record.reaping.phase == flow::Phase::watching) verify_soon(slot, verify_pace_.take(now));
}

void Engine::Impl::verify_soon(std::uint32_t slot, Instant when) {
    Record& record = table_[slot];
    record.reaping.verify = reaper::to_be_verified(record);
    if (record.reaping.verify) record.reaping.not_before = when;
    arm(slot, deadline(record, stage(record)));
}

bool Engine::Impl::on_hint(Instant now, Instant seen, const Hint& hint) {
    const flow::Key key = flow::Key::of(hint.opener, hint.answerer);
    const std::uint32_t slot = table_.find(key);
    if (slot == flow::kNoSlot) return false;
    compare(now, seen, slot, hint);
    if (table_.live(slot)) table_.lay_down(slot);
    return table_.find(key) != flow::kNoSlot;
}

void Engine::Impl::compare(Instant now, Instant seen, std::uint32_t slot, const Hint& hint) {
    catch_up_with_losses(now, slot);
    Record& record = table_[slot];
    record.looks = static_cast<std::uint8_t>(looks_);
    const flow::Phase phase = record.reaping.phase;
    const bool ours =
        phase != flow::Phase::watching && phase != flow::Phase::probing;  // its end is our doing
    if (record.last_seen + kAhead >= seen || ours) return;
    // conntrack takes the side that it saw first for the originator. Of a socket of this machine the list of
    // sockets has told more: on which port somebody listens.
    const bool own = record.low_is_local || record.high_is_local;
    if (record.connection.adopted && !own && record.role_of(hint.opener) != tcp::Role::client)
        turn_round(slot);
    believe(now, slot, hint);
}

void Engine::Impl::believe(Instant now, std::uint32_t slot, const Hint& hint) {
    const Stage s = stage(table_[slot]);
    const bool living = hint.belief == Belief::open || hint.belief == Belief::opener_closed ||
                        hint.belief == Belief::answerer_closed;
    // Another connection between the same ends.
    if (living && s == Stage::finished) return erase(now, slot);
    switch (hint.belief) {
        case Belief::unsure: return;
        case Belief::open: {
            if (s != Stage::provisional) return;
            const Before earlier = before(table_[slot]);
            tcp::open_unseen(table_[slot].connection);
            return settle(now, slot, earlier, nullptr);
        }
        case Belief::opener_closed: return believe_half_closed(now, slot, hint.opener);
        case Belief::answerer_closed: return believe_half_closed(now, slot, hint.answerer);
        case Belief::reset:
        case Belief::over:
            // Of a half-closed connection conntrack takes any RST in the window, which a side may not have
            // taken, and the closer's repeated FIN for the other side's (nf_conntrack_proto_tcp.c): it is
            // asked if there is any doubt. Its numbers may be right, and the holder's FIN among what has
            // passed unseen.
            if (s != Stage::half_closed) break;
            if (table_[slot].opened <= last_loss_ && !reaper::to_be_verified(table_[slot]))
                tcp::note_gap(table_[slot].connection);
            return doubt_half_closed(now, slot);
    }
    if (s == Stage::finished) return;
    if (table_[slot].was_half_closed) push_event(event(now, slot, EventType::closed, kEndUnseen));
    erase(now, slot);
}

void Engine::Impl::believe_half_closed(Instant now, std::uint32_t slot, const tcp::Endpoint& closer) {
    Record& record = table_[slot];
    const Stage s = stage(record);
    if (s == Stage::half_closed || s == Stage::closing) return;
    const Before earlier = before(record);
    record.closed_by_socket = false;
    tcp::half_close_unseen(record.connection, record.role_of(closer), guesses(record.key));
    record.last_seen = record.last_progress = now;  // nobody knows when it was
    settle(now, slot, earlier, nullptr);
    ask_early(now, slot);
}

/// Nothing that both sides answered has shown the FIN that conntrack reported: it may have been forged. They
/// are asked again, for they may be half-closed all the same.
void Engine::Impl::withdraw_report(Instant now, std::uint32_t slot) {
    Record& record = table_[slot];
    const Before earlier = before(record);
    record.reported_closer = *tcp::closer(record.connection);
    record.report_again = record.reaping.not_before;
    tcp::withdraw_report(record.connection);
    settle(now, slot, earlier, nullptr);
    arm(slot, deadline(record, stage(record)));
}

/// Whether the flow has shown since that the report was wrong, or more than the report did.
bool Engine::Impl::report_is_settled(const Record& record) {
    const tcp::Connection& c = record.connection;
    const tcp::Side& closer = c.of(record.reported_closer);
    return closer.open || c.side[0].fin_seen() || c.side[1].fin_seen() || c.rst || !tcp::exact(c);
}

/// The time has come to ask about a report again. False when there is no reason to.
bool Engine::Impl::revive_report(Instant now, std::uint32_t slot) {
    Record& record = table_[slot];
    if (now < record.report_again) return false;
    record.report_again = Instant::never();
    if (report_is_settled(record)) return false;
    const Instant idle = record.last_progress + timeouts(record).fin_wait_2;
    if (now < idle) {
        record.report_again = idle;
        return false;
    }
    const Before earlier = before(record);
    tcp::repeat_report(record.connection, record.reported_closer);
    settle(now, slot, earlier, nullptr);
    return true;
}

/// Whoever was taken for the client is the server.
void Engine::Impl::turn_round(std::uint32_t slot) {
    Record& record = table_[slot];
    tcp::Connection& c = record.connection;
    count_states(c, -1);
    if (record.half_closed) count_half_closed_no_more(record);
    tcp::swap_roles(c);
    std::swap(record.last_from[0], record.last_from[1]);
    std::swap(record.reaping.side[0], record.reaping.side[1]);
    record.reaping.closer = other(record.reaping.closer);
    record.reported_closer = other(record.reported_closer);
    record.client_is_low = !record.client_is_low;
    record.trail.turn_round();
    if (record.half_closed) count_half_closed(record, record.half_closed_at);
    count_states(c, 1);
}

void Engine::Impl::on_hints_complete(Instant begun) {
    look_begun_ = begun;
    compared_ = 0;
    ++looks_;
}

/// What conntrack does not know any more has ended unseen, long ago. It is only forgotten: if it lives, its
/// next FIN begins it anew. Of what its own socket here has told, conntrack may never have known anything.
void Engine::Impl::forget_unknown(Instant now) {
    const std::uint32_t end = std::min(compared_ + kWalkBudget, table_.slots());
    for (; compared_ < end; ++compared_) {
        if (!table_.live(compared_)) continue;
        const Record record = table_.look(compared_);
        const Stage s = stage(record);
        const bool open = s == Stage::established || s == Stage::unsettled;
        const auto missed = static_cast<std::uint8_t>(looks_ - record.looks);
        const bool told_by_socket = record.unheard && (record.low_is_local || record.high_is_local);
        if (open && !told_by_socket && record.last_seen < look_begun_ && missed > 1) erase(now, compared_);
    }
    if (compared_ >= table_.slots()) compared_ = flow::kNoSlot;
}

}  // namespace finwait::engine
