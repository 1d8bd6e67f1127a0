// Reports: flows and counters as values.

#include "engine/impl.hpp"
#include "tcp/position.hpp"
#include "tcp/report.hpp"

namespace finwait::engine {

namespace {

/// What conntrack has seen before us comes here within this time.
constexpr Duration kSettled = std::chrono::seconds(2);

SideReport side_report(const tcp::Connection& c, tcp::Role role) {
    const tcp::Side& side = c.of(role);
    SideReport out;
    if (side.next_known()) out.next = side.next;
    if (side.ack_known()) out.ack = side.ack;
    const bool made_up = tcp::report_open(c) && !side.next_known();
    if (side.fin_seen() && !made_up) out.fin = side.fin;
    if (side.scale_offered) out.scale = side.scale;
    out.fin_acknowledged = side.fin_acked();
    if (side.ack_known()) out.window = side.window;
    out.timestamps = side.timestamps;
    out.sack = side.sack;
    out.exact = side.next_basis >= tcp::Basis::heard && side.ack_basis >= tcp::Basis::heard;
    return out;
}

}  // namespace

FlowId Engine::Impl::id_of(std::uint32_t slot) const {
    return {static_cast<std::uint32_t>(options_.shard) << 24U | slot, table_.generation(slot)};
}

std::optional<std::uint32_t> Engine::Impl::slot_of(FlowId id) const {
    const std::uint32_t slot = id.slot & 0xffffffU;
    if (id.shard() != options_.shard || !table_.live(slot) || table_.generation(slot) != id.generation)
        return std::nullopt;
    return slot;
}

policy::Subject Engine::Impl::subject(Instant now, const Record& record) const {
    const tcp::Connection& c = record.connection;
    policy::Subject s;
    s.client = record.endpoint(tcp::Role::client);
    s.server = record.endpoint(tcp::Role::server);
    s.client_state = c.of(tcp::Role::client).state;
    s.server_state = c.of(tcp::Role::server).state;
    s.closer = tcp::closer(c);
    s.age = now - record.opened;
    if (!c.released) s.idle = now - record.last_progress;
    s.policy = record.policy < tuning.policies.size() ? std::string_view(tuning.policies[record.policy].name)
                                                      : std::string_view();
    s.phase = record.reaping.phase;
    return s;
}

FlowReport Engine::Impl::report(Instant now, std::uint32_t slot) const {
    Record room;
    return report(now, slot, table_.look(slot, room));
}

FlowReport Engine::Impl::report(Instant now, std::uint32_t slot, const Record& record) const {
    FlowReport out;
    out.id = id_of(slot);
    out.subject = subject(now, record);
    for (const tcp::Role role : {tcp::Role::client, tcp::Role::server})
        out.side[tcp::index(role)] = side_report(record.connection, role);
    const Instant end = record.reaping.recorded ? Instant::never() : deadline(record, stage(record));
    if (end != Instant::never()) out.expires_in = std::max(end - now, Duration(0));
    out.opened = record.opened;
    out.trail = record.trail;
    out.adopted = record.connection.adopted;
    out.fast_path = record.connection.released;
    const KillResult kill = kill_result(record);
    if (kill != KillResult::requested) out.cannot_end = name(kill);
    out.outcome = record.reaping.outcome;
    return out;
}

std::optional<std::uint32_t> Engine::Impl::visit(Instant now, std::uint32_t cursor, std::uint32_t slots,
                                                 const policy::Filter& filter,
                                                 std::vector<FlowReport>& out) const {
    const std::uint32_t end = table_.slots();
    const std::uint32_t stop = cursor + std::min(slots, end - std::min(cursor, end));
    Record room;
    for (std::uint32_t slot = cursor; slot < stop; ++slot)
        if (table_.live(slot)) table_.prefetch_record(slot);
    for (std::uint32_t slot = cursor; slot < stop; ++slot) {
        if (!table_.live(slot)) continue;
        const Record& record = table_.look(slot, room);
        if (filter.matches(subject(now, record))) out.push_back(report(now, slot, record));
    }
    if (stop >= end) return std::nullopt;
    return stop;
}

bool Engine::Impl::quiet_since(Instant then, FlowId id) const {
    const auto slot = slot_of(id);
    return slot && table_.look(*slot).last_seen <= then;
}

bool Engine::Impl::half_closed(const tcp::Endpoint& a, const tcp::Endpoint& b) const {
    const std::uint32_t slot = table_.find(flow::Key::of(a, b));
    return slot != flow::kNoSlot && table_.look(slot).half_closed;
}

bool Engine::Impl::surely_half_closed(Instant now, const tcp::Endpoint& a, const tcp::Endpoint& b) const {
    const std::uint32_t slot = table_.find(flow::Key::of(a, b));
    if (slot == flow::kNoSlot) return false;
    const Record record = table_.look(slot);
    const bool proven = record.losses == losses_ && !tcp::in_doubt(record.connection);
    return record.half_closed && proven && record.last_seen + kSettled <= now;
}

std::optional<FlowReport> Engine::Impl::find(Instant now, FlowId id) const {
    const std::optional<std::uint32_t> slot = slot_of(id);
    if (!slot) return std::nullopt;
    return report(now, *slot);
}

KillResult Engine::Impl::kill_result(const Record& record) const {
    // Our reset has gone out, and whether it has worked is not known yet.
    const bool confirming = record.reaping.phase == flow::Phase::confirming;
    if (stage(record) == Stage::finished)
        return confirming ? KillResult::requested : KillResult::already_closed;
    if (reaper::untouchable(record)) return KillResult::untouchable;
    const tcp::Connection& c = record.connection;
    const bool known = tcp::exact(c) || reaper::unverified(c);  // else both are asked first
    if (!known || record.losses != losses_) return KillResult::not_exact;
    return KillResult::requested;
}

KillResult Engine::Impl::kill(Instant now, FlowId id) {
    const std::optional<std::uint32_t> slot = slot_of(id);
    if (!slot) return KillResult::not_found;
    Record& record = table_[*slot];
    const KillResult result = kill_result(record);
    if (result != KillResult::requested) return result;
    record.reaping.requested = true;
    record.reaping.outcome = flow::Outcome::none;
    record.reaping.waits = false;  // behind the others it has waited; now it goes before them
    arm(*slot, now);
    return result;
}

Event Engine::Impl::event(Instant now, std::uint32_t slot, EventType type, std::string_view reason) const {
    const Record record = table_.look(slot);
    Event e;
    e.type = type;
    e.id = id_of(slot);
    e.client = record.endpoint(tcp::Role::client);
    e.server = record.endpoint(tcp::Role::server);
    e.closer = tcp::closer(record.connection);
    e.states = {record.connection.side[0].state, record.connection.side[1].state};
    e.policy = record.policy;
    e.age = now - record.opened;
    e.idle = now - record.last_progress;
    e.reason = reason;
    return e;
}

Gauges Engine::Impl::gauges() const {
    Gauges g;
    g.flows = table_.size();
    g.limit = table_.limit();
    g.half_closed = census_.count();
    g.half_closed_by = census_.by_closer();
    g.fast_path = released_now_;
    for (std::size_t role = 0; role < 2; ++role)
        for (std::size_t state = 0; state < tcp::kStateCount; ++state)
            g.sides[role][state] = static_cast<std::uint64_t>(sides_[role][state]);
    return g;
}

}  // namespace finwait::engine
