// Flows that are older than the engine: what conntrack says of them, and how they get from the shard that
// they were given to into the one that their segments come to.

#include "engine/impl.hpp"
#include "tcp/report.hpp"

namespace finwait::engine {

namespace {

void note_local(flow::Record& record, const Adoptee& adoptee) {
    if (adoptee.client_is_local) record.set_local(adoptee.client);
    if (adoptee.server_is_local) record.set_local(adoptee.server);
    record.closed_by_socket = adoptee.told_by_socket && adoptee.closer;
}

/// An RST then answers our probe, or what a socket of this machine has sent because of one. The shard that
/// has asked knows what it means.
bool awaits_answer_of_own_socket(const flow::Record& record) {
    return record.reaping.phase == flow::Phase::probing && tcp::report_open(record.connection) &&
           (record.low_is_local || record.high_is_local);
}

}  // namespace

/// Numbers that nobody outside can know.
std::array<tcp::Seq, 2> Engine::Impl::guesses(const flow::Key& key) const {
    const std::uint64_t h = flow::hash({~options_.hash_key[0], options_.hash_key[1]}, key);
    return {tcp::Seq(static_cast<std::uint32_t>(h)), tcp::Seq(static_cast<std::uint32_t>(h >> 32U))};
}

bool Engine::Impl::adopt_known(Instant now, const Adoptee& adoptee) {
    const std::uint32_t slot = table_.find(flow::Key::of(adoptee.client, adoptee.server));
    if (slot == flow::kNoSlot) return false;
    catch_up_with_losses(now, slot);
    Record& record = table_[slot];
    note_local(record, adoptee);
    tcp::Connection& c = record.connection;
    const bool midway =
        c.adopted && (c.side[0].state == tcp::State::unknown || c.side[1].state == tcp::State::unknown);
    if (!midway || record.reaping.phase != flow::Phase::watching) return true;
    if (record.endpoint(tcp::Role::client) != adoptee.client) turn_round(slot);
    const Before earlier = before(record);
    tcp::take_report(c, adoptee.closer, guesses(record.key));
    record.opened = std::min(record.opened, adoptee.opened);
    match_policy(now, record);
    settle(now, slot, earlier, nullptr);
    if (tcp::report_open(c)) ask_early(now, slot);
    return true;
}

bool Engine::Impl::adopt(Instant now, const Adoptee& adoptee, bool counted) {
    if (adopt_known(now, adoptee)) return true;  // it may have been heard since it was asked for
    const std::uint32_t slot = table_.insert(flow::Key::of(adoptee.client, adoptee.server));
    if (slot == flow::kNoSlot) return false;
    Record& record = table_[slot];
    record.connection = adoptee.closer ? tcp::half_closed_by_report(*adoptee.closer, guesses(record.key))
                                       : tcp::open_by_report(options_.selective);
    record.client_is_low = adoptee.client == record.key.low;
    record.opened = std::min(adoptee.opened, now);
    record.last_seen = record.last_progress = record.released_at = std::min(adoptee.last_seen, now);
    record.last_from = {record.last_seen, record.last_seen};
    record.losses = losses_;
    note_local(record, adoptee);
    record.unheard = true;
    ++unheard_now_;
    if (record.connection.released) ++released_now_;
    if (!counted) ++counters.flows_adopted;
    record.was_half_closed = counted && adoptee.closer;
    enter(now, slot);
    if (record.half_closed) ask_early(now, slot);
    table_.lay_down(slot);
    return true;
}

/// Soon, but not all at once.
void Engine::Impl::ask_early(Instant now, std::uint32_t slot) {
    Record& record = table_[slot];
    if (record.half_closed) count_half_closed_no_more(record);
    record.half_closed_at = record.last_seen;
    if (record.half_closed) count_half_closed(record, record.last_seen);
    if (tuning.observe) return;
    record.reaping.not_before = adoptions_.take(now + reaper::kBeforeConfirming);
    arm(slot, record.reaping.not_before);
}

std::optional<Adoptee> Engine::Impl::hand_over(Instant now, const tcp::Segment& heard) {
    const std::uint32_t slot = table_.find(flow::Key::of(heard));
    if (slot == flow::kNoSlot) return std::nullopt;
    const Record record = table_.look(slot);
    if (!record.unheard) return std::nullopt;
    if (heard.any(tcp::flag::rst) && awaits_answer_of_own_socket(record)) {
        static_cast<void>(follow(now, slot, heard));
        return std::nullopt;
    }
    const tcp::Endpoint& client = record.endpoint(tcp::Role::client);
    const tcp::Endpoint& server = record.endpoint(tcp::Role::server);
    const Adoptee adoptee{client,
                          server,
                          tcp::closer(record.connection),
                          record.opened,
                          record.last_seen,
                          record.is_local(client),
                          record.is_local(server),
                          record.reaping.requested,
                          awaits_answer_of_own_socket(record),
                          record.closed_by_socket};
    erase(now, slot);
    return adoptee;
}

void Engine::Impl::take_in(Instant now, const Adoptee& adoptee, const tcp::Segment& heard) {
    const flow::Key key = flow::Key::of(adoptee.client, adoptee.server);
    const bool known = table_.find(key) != flow::kNoSlot;
    if (!adopt(now, adoptee, true)) return;
    take_over_inquiry(now, table_.find(key), adoptee);
    if (known) return;
    // An RST may answer a probe of the other shard's, and then it has a number that was made up.
    if (adoptee.closer && heard.any(tcp::flag::rst)) return;
    // Its verdict was given where it was heard.
    static_cast<void>(follow(now, table_.find(flow::Key::of(heard)), heard));
}

/// What the other shard was about to do with it goes on here.
void Engine::Impl::take_over_inquiry(Instant now, std::uint32_t slot, const Adoptee& adoptee) {
    Record& record = table_[slot];
    if (adoptee.requested) record.reaping.requested = true;
    const bool asked = adoptee.asked && record.reaping.phase == flow::Phase::watching && !tuning.observe;
    const tcp::Connection& c = record.connection;
    const bool by_peer = c.rst && record.is_local(record.endpoint(other(c.rst->by)));
    const bool by_rst = tcp::finished(c) && by_peer;
    if (!asked || !adoptee.closer || !(by_rst || tcp::report_open(c))) return;
    const bool by_client = *adoptee.closer == tcp::Role::client;
    const tcp::Role closer = record.role_of(by_client ? adoptee.client : adoptee.server);
    reaper::take_over_asking(record, closer, timeouts(record).probe_interval, now);
    arm(slot, now);
}

void Engine::Impl::note_heard(Record& record) {
    record.unheard = false;
    --unheard_now_;
}

}  // namespace finwait::engine
