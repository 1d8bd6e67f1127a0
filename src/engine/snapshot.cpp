#include "engine/snapshot.hpp"

#include <algorithm>
#include <limits>
#include <optional>

namespace finwait::engine {

namespace {

using flow::Record;
using flow::Step;
using tcp::Role;
using tcp::State;

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
/// No time lies further away, nine years: so nothing that is computed from them overflows.
constexpr std::int64_t kFarthest = INT64_C(1) << 58U;
constexpr std::uint8_t kLargestScale = 14;  // RFC 7323 section 2.3
constexpr std::uint32_t kLargestWindow = UINT32_C(1) << 30U;
constexpr std::size_t kRoles = 2;

// Both of these are led through one list of fields, below, so that they cannot differ.

class Writing {
  public:
    Writing(OctetWriter& out, Instant saved) : out_(out), saved_(saved) {}

    template<std::unsigned_integral T>
    void number(T& value, T = std::numeric_limits<T>::max()) {
        out_.put(value);
    }
    void seq(tcp::Seq& s) { out_.put(s.value()); }
    template<typename Enum>
    void word(Enum& value, std::size_t) {
        out_.put(static_cast<std::uint8_t>(value));
    }
    void address(tcp::Address& a) { out_.put_bytes(a.bytes()); }
    void past(Instant& t) { time(t); }
    void time(Instant& t) {
        const bool never = t == Instant::never();
        const std::int64_t far = (std::max(t, Instant()) - saved_).count();
        out_.put_signed(never ? kNever : std::clamp(far, -kFarthest, kFarthest));
    }
    void duration(Duration& d) { out_.put_signed(std::clamp(d.count(), INT64_C(0), kFarthest)); }

    void begin_flags() {
        flags_ = 0;
        bit_ = 1;
    }
    bool flag(bool value) {
        if (value) flags_ |= bit_;
        bit_ <<= 1U;
        return value;
    }
    void end_flags() { out_.put(flags_); }

  private:
    OctetWriter& out_;
    Instant saved_;
    std::uint32_t flags_ = 0;
    std::uint32_t bit_ = 1;
};

class Reading {
  public:
    Reading(OctetReader& in, Instant saved) : in_(in), saved_(saved) {}

    template<std::unsigned_integral T>
    void number(T& value, T most = std::numeric_limits<T>::max()) {
        value = in_.take<T>();
        if (value > most) in_.refuse();
    }
    void seq(tcp::Seq& s) { s = tcp::Seq(in_.take<std::uint32_t>()); }
    template<typename Enum>
    void word(Enum& value, std::size_t count) {
        const auto number = in_.take<std::uint8_t>();
        if (number >= count) return in_.refuse();
        value = static_cast<Enum>(number);
    }
    void address(tcp::Address& a) {
        const std::span<const std::uint8_t> bytes = in_.take_bytes(a.bytes().size());
        if (!bytes.empty()) a = tcp::Address::v6(bytes.first<16>());
    }
    void past(Instant& t) {
        time(t);
        if (t > saved_) in_.refuse();
    }
    void time(Instant& t) {
        const std::int64_t far = in_.take_signed();
        if (far == kNever)
            t = Instant::never();
        else if (far < -kFarthest || far > kFarthest)
            in_.refuse();
        else
            t = saved_ + Duration(far);
        if (t < Instant()) in_.refuse();
    }
    void duration(Duration& d) {
        d = Duration(in_.take_signed());
        if (d.count() < 0 || d.count() > kFarthest) in_.refuse();
    }

    void begin_flags() { flags_ = in_.take<std::uint32_t>(); }
    bool flag(bool) {
        const bool value = (flags_ & 1U) != 0;
        flags_ >>= 1U;
        return value;
    }
    void end_flags() {
        if (flags_ != 0) in_.refuse();
    }

  private:
    OctetReader& in_;
    Instant saved_;
    std::uint32_t flags_ = 0;
};

void side_flags(auto& a, tcp::Side& s) {
    a.begin_flags();
    s.syn_seen = a.flag(s.syn_seen);
    s.fin_repeated = a.flag(s.fin_repeated);
    s.fin_covers = a.flag(s.fin_covers);
    s.acked_fin = a.flag(s.acked_fin);
    s.acked_first = a.flag(s.acked_first);
    s.open = a.flag(s.open);
    s.scale_offered = a.flag(s.scale_offered);
    s.timestamps = a.flag(s.timestamps);
    s.sack = a.flag(s.sack);
    s.unsigned_dropped = a.flag(s.unsigned_dropped);
    s.counts_ids = a.flag(s.counts_ids);
    s.multipath = a.flag(s.multipath);
    s.fast_open = a.flag(s.fast_open);
    a.end_flags();
}

void side(auto& a, tcp::Side& s) {
    for (tcp::Seq* const seq : {&s.iss, &s.next, &s.ack, &s.edge, &s.fin_ack_seq, &s.fin})
        a.seq(*seq);
    a.number(s.max_window, kLargestWindow);
    a.number(s.ts_value);
    a.number(s.window);
    a.number(s.ip_id);
    for (State* const state : {&s.state, &s.before_fin, &s.before_reset})
        a.word(*state, tcp::kStateCount);
    for (tcp::Basis* const basis : {&s.next_basis, &s.ack_basis, &s.ts_basis})
        a.word(*basis, tcp::kBasisCount);
    a.word(s.fin_stage, tcp::kFinCount);
    a.number(s.scale, kLargestScale);
    a.number(s.ttl);
    side_flags(a, s);
}

/// Whether there is one, and then it. `one` leads through its fields.
template<typename T>
void optional(auto& a, std::optional<T>& value, auto one) {
    a.begin_flags();
    const bool there = a.flag(value.has_value());
    a.end_flags();
    if (!there) return value.reset();
    if (!value) value.emplace();
    one(*value);
}

void pending(auto& a, tcp::PendingSyn& syn) {
    a.seq(syn.isn);
    a.number(syn.scale, kLargestScale);
    a.word(syn.role, kRoles);
    a.begin_flags();
    syn.scale_offered = a.flag(syn.scale_offered);
    syn.acks = a.flag(syn.acks);
    syn.more = a.flag(syn.more);
    syn.has_signature = a.flag(syn.has_signature);
    syn.multipath = a.flag(syn.multipath);
    a.end_flags();
}

void rst(auto& a, tcp::SeenRst& seen) {
    a.word(seen.by, kRoles);
    a.word(seen.standing, tcp::SeenRst::kStandingCount);
    a.begin_flags();
    seen.answered = a.flag(seen.answered);
    a.end_flags();
}

void connection(auto& a, tcp::Connection& c) {
    for (tcp::Side& s : c.side)
        side(a, s);
    optional(a, c.pending, [&a](tcp::PendingSyn& syn) { pending(a, syn); });
    optional(a, c.rst, [&a](tcp::SeenRst& seen) { rst(a, seen); });
    a.begin_flags();
    c.adopted = a.flag(c.adopted);
    c.released = a.flag(c.released);
    c.plain = a.flag(c.plain);
    a.end_flags();
}

void step(auto& a, Step& s) {
    a.past(s.at);
    a.seq(s.seq);
    a.seq(s.ack);
    a.number(s.length);
    a.word(s.side, kRoles);
    a.word(s.state, tcp::kStateCount);
    a.word(s.from, kRoles);
    a.number(s.flags);
}

void times(auto& a, Record& r) {
    for (Instant* const t : {&r.opened, &r.last_from[0], &r.last_from[1], &r.last_seen, &r.last_progress,
                             &r.half_closed_at, &r.released_at})
        a.past(*t);
    a.duration(r.longest_idle);
    a.time(r.reaping.not_before);
}

/// Of the reaper's work only what outlasts an inquiry: a flow that is gone, how its end came out, and what
/// `observe` has noted. Whoever was being asked or reset is watched again.
void outcome(auto& a, Record& r) {
    bool gone = r.reaping.phase == flow::Phase::gone;
    a.word(r.reaping.outcome, flow::kOutcomeNames.size());
    a.begin_flags();
    gone = a.flag(gone);
    r.reaping.recorded = a.flag(r.reaping.recorded);
    r.client_is_low = a.flag(r.client_is_low);
    r.half_closed = a.flag(r.half_closed);
    r.was_half_closed = a.flag(r.was_half_closed);
    r.unheard = a.flag(r.unheard);
    r.low_is_local = a.flag(r.low_is_local);
    r.high_is_local = a.flag(r.high_is_local);
    r.astray = a.flag(r.astray);
    a.end_flags();
    r.reaping.phase = gone ? flow::Phase::gone : flow::Phase::watching;
}

void fields(auto& a, std::uint32_t& slot, Record& r) {
    a.number(slot);
    a.number(r.generation);
    for (tcp::Endpoint* const end : {&r.key.low, &r.key.high}) {
        a.address(end->address);
        a.number(end->port);
    }
    connection(a, r.connection);
    for (std::uint32_t& mark : r.mark)
        a.number(mark);
    times(a, r);
    outcome(a, r);
}

}  // namespace

void write_record(OctetWriter& out, std::uint32_t slot, const Record& record, Instant saved) {
    Writing a(out, saved);
    Record r = record;
    fields(a, slot, r);
    out.put(record.trail.total());
    out.put(static_cast<std::uint8_t>(record.trail.size()));
    for (std::size_t i = 0; i < record.trail.size(); ++i) {
        Step s = record.trail[i];
        step(a, s);
    }
}

Kept read_record(OctetReader& in, Instant saved) {
    Reading a(in, saved);
    Kept kept;
    Record& r = kept.record;
    fields(a, kept.slot, r);
    const auto total = in.take<std::uint32_t>();
    const auto known = in.take<std::uint8_t>();
    if (known > std::min<std::size_t>(total, flow::Trail::kCapacity)) in.refuse();
    r.trail.begin_after(total - known);
    for (std::uint8_t i = 0; i < known && in.ok(); ++i) {
        Step s;
        step(a, s);
        r.trail.add(s);
    }
    if (!(r.key.low < r.key.high)) in.refuse();
    return kept;
}

bool readable(std::span<const std::uint8_t> batch, Instant saved) {
    if (saved < Instant() || saved > Instant(Duration(kFarthest))) return false;
    OctetReader in(batch);
    static_cast<void>(in.take<std::uint32_t>());  // generations
    while (in.ok() && in.left() > 0)
        static_cast<void>(read_record(in, saved));
    return in.ok();
}

}  // namespace finwait::engine
