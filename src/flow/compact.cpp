#include "flow/compact.hpp"

#include "tcp/window.hpp"

#include <algorithm>
#include <limits>
#include <tuple>

namespace finwait::flow {

namespace {

using tcp::Basis;
using tcp::Role;
using tcp::Side;

constexpr std::array kRoles = {Role::client, Role::server};
constexpr std::uint32_t kMostSteps = 63;
constexpr std::array<std::uint32_t, 2> kUnscaled = {64, 128};
constexpr unsigned kReleasedUnit = 16;  // milliseconds
constexpr unsigned kStateBits = 4;
constexpr unsigned kScaleBits = 4;
static_assert(tcp::kStateCount <= 1U << kStateBits);

// Both of these are led through the same lists of marks, below.

class Packing {
  public:
    bool mark(bool value) {
        bits_ |= static_cast<unsigned>(value) << count_++;
        return value;
    }
    [[nodiscard]] unsigned bits() const { return bits_; }

  private:
    unsigned bits_ = 0;
    unsigned count_ = 0;
};

class Unpacking {
  public:
    explicit Unpacking(unsigned bits) : bits_(bits) {}

    bool mark(bool) { return (bits_ >> count_++ & 1U) != 0; }
    [[nodiscard]] unsigned rest() const { return bits_ >> count_; }

  private:
    unsigned bits_;
    unsigned count_ = 0;
};

void side_marks(auto& a, Side& s) {
    // At rest no number is in doubt, and only the end of what was sent can be proven.
    const bool next_known = a.mark(s.next_known());
    const bool next_proven = a.mark(s.next_proven());
    const bool ack_known = a.mark(s.ack_known());
    s.next_basis = next_proven ? Basis::proven : next_known ? Basis::heard : Basis::unknown;
    s.ack_basis = ack_known ? Basis::heard : Basis::unknown;
    s.syn_seen = a.mark(s.syn_seen);
    s.open = a.mark(s.open);
    s.scale_offered = a.mark(s.scale_offered);
    s.timestamps = a.mark(s.timestamps);
    s.sack = a.mark(s.sack);
    s.unsigned_dropped = a.mark(s.unsigned_dropped);
    s.counts_ids = a.mark(s.counts_ids);
    s.multipath = a.mark(s.multipath);
    s.fast_open = a.mark(s.fast_open);
}
constexpr unsigned kSideMarks = 12;

std::uint8_t record_marks(const Record& r) {
    Packing marks;
    marks.mark(r.connection.adopted);
    marks.mark(r.connection.released);
    marks.mark(r.client_is_low);
    marks.mark(r.was_half_closed);
    marks.mark(r.low_is_local);
    marks.mark(r.high_is_local);
    marks.mark(r.unheard);
    marks.mark(r.connection.plain);
    return static_cast<std::uint8_t>(marks.bits());
}

void set_record_marks(Record& r, std::uint8_t bits) {
    Unpacking marks(bits);
    r.connection.adopted = marks.mark(false);
    r.connection.released = marks.mark(false);
    r.client_is_low = marks.mark(false);
    r.was_half_closed = marks.mark(false);
    r.low_is_local = marks.mark(false);
    r.high_is_local = marks.mark(false);
    r.unheard = marks.mark(false);
    r.connection.plain = marks.mark(false);
}

bool at_rest(const Side& s) {
    const bool fin = s.fin_seen() || s.fin_repeated || s.fin_covers;
    const bool marked = s.is_doubtful() || s.ts_basis == Basis::stale || s.window_stale || s.unsigned_sent;
    return !fin && !s.acked_fin && !s.acked_first && !marked;
}

/// Its last word was its SYN, of which the window is not scaled (RFC 7323 section 2.2).
bool unscaled(const Side& s) {
    return s.ack_known() && s.edge == s.ack + s.window;
}

/// Whether the right edge of its window follows from its last acknowledgment: it has not been drawn back.
bool edge_follows(const tcp::Connection& c, Role role) {
    const Side& s = c.of(role);
    return !s.ack_known() || unscaled(s) || s.edge == s.ack + tcp::scaled_window(c, role, s.window);
}

/// The largest window in its side's unit, rounded up.
std::uint32_t largest(const tcp::Connection& c, Role role) {
    const std::uint32_t unit = tcp::scaled_window(c, role, 1);
    return (c.of(role).max_window + unit - 1) / unit;
}

bool at_rest(const tcp::Connection& c) {
    if (c.rst || c.pending || c.early || c.unsigned_word || c.denied_fin) return false;
    return std::ranges::all_of(kRoles, [&c](Role role) {
        return at_rest(c.of(role)) && edge_follows(c, role) && largest(c, role) <= UINT16_MAX;
    });
}

bool at_rest(const Reaping& r) {
    const bool marked =
        r.requested || r.reserved || r.recorded || r.crowded || r.expired || r.urgent || r.verify || r.waits;
    return r.phase == Phase::watching && r.outcome == Outcome::none && r.attempts == 0 && !marked &&
           r.not_before == Instant() && r.side[0] == Inquiry{} && r.side[1] == Inquiry{};
}

std::uint64_t milliseconds(Instant t) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(t.since_origin().count(), 0)) / 1'000'000;
}

Instant instant(std::uint64_t ms) {
    return Instant(std::chrono::milliseconds(ms));
}

std::uint16_t distance(std::uint64_t from, std::uint64_t to) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint16_t>::max();
    return static_cast<std::uint16_t>(from < to ? std::min(to - from, kMost) : 0);
}

}  // namespace

bool at_rest(const Record& record) {
    const bool watched = record.half_closed || record.astray || record.report_again != Instant::never();
    return !watched && at_rest(record.connection) && at_rest(record.reaping);
}

bool has_numbers(const Record& record) {
    return std::ranges::any_of(kRoles, [&](Role role) {
        const Side& s = record.connection.of(role);
        return s.next_known() || s.ack_known() ||
               s.max_window != tcp::scaled_window(record.connection, role, UINT16_MAX);
    });
}

Compact compact(const Record& record, std::uint32_t numbers) {
    Compact out{};
    const Record& r = record;
    for (std::size_t i = 0; i < 2; ++i) {
        Packing marks;
        Side side = r.connection.side[i];
        side_marks(marks, side);
        out.side[i] =
            static_cast<std::uint16_t>(static_cast<unsigned>(side.state) << kSideMarks | marks.bits());
        out.iss[i] = side.iss.value();
    }
    out.marks = record_marks(r);
    out.scales =
        static_cast<std::uint8_t>(r.connection.side[0].scale << kScaleBits | r.connection.side[1].scale);
    const std::uint64_t last = milliseconds(r.last_seen);
    const std::array<std::uint64_t, 3> times = {milliseconds(r.opened), last, milliseconds(r.last_progress)};
    for (std::size_t i = 0; i < times.size(); ++i) {
        out.time[i] = static_cast<std::uint32_t>(times[i]);
        out.time_above[i] = static_cast<std::uint8_t>(times[i] >> 32U);
    }
    for (std::size_t i = 0; i < 2; ++i)
        out.silent[i] = distance(milliseconds(r.last_from[i]), last);
    out.released = static_cast<std::uint8_t>(
        std::min<unsigned>(distance(milliseconds(r.released_at), last) / kReleasedUnit, UINT8_MAX));
    out.looks = r.looks;
    const std::uint32_t steps = std::min(r.trail.total(), kMostSteps);
    out.steps = static_cast<std::uint8_t>(steps | (unscaled(r.connection.side[0]) ? kUnscaled[0] : 0U) |
                                          (unscaled(r.connection.side[1]) ? kUnscaled[1] : 0U));
    out.losses = r.losses;
    out.numbers = numbers;
    return out;
}

Numbers numbers(const Record& record) {
    Numbers out{};
    for (std::size_t i = 0; i < 2; ++i) {
        const Side& s = record.connection.side[i];
        out.next[i] = s.next.value();
        out.ack[i] = s.ack.value();
        out.window[i] = s.window;
        out.max_window[i] =
            static_cast<std::uint16_t>(largest(record.connection, i == 0 ? Role::client : Role::server));
    }
    return out;
}

void expand(const Compact& compact, const Numbers* numbers, Record& r) {
    r.connection = tcp::Connection();
    r.reaping = Reaping();
    r.half_closed_at = r.window_opened = Instant();
    r.report_again = Instant::never();
    r.longest_idle = Duration(0);
    r.half_closed = false;
    r.mark = {};
    std::array<Instant, 3> times;
    for (std::size_t i = 0; i < times.size(); ++i)
        times[i] = instant(static_cast<std::uint64_t>(compact.time_above[i]) << 32U | compact.time[i]);
    std::tie(r.opened, r.last_seen, r.last_progress) = std::tie(times[0], times[1], times[2]);
    r.released_at = r.last_seen - std::chrono::milliseconds(compact.released * kReleasedUnit);
    r.looks = compact.looks;
    set_record_marks(r, compact.marks);
    for (std::size_t i = 0; i < 2; ++i) {
        Side& s = r.connection.side[i];
        r.last_from[i] = r.last_seen - std::chrono::milliseconds(compact.silent[i]);
        Unpacking side(compact.side[i]);
        side_marks(side, s);
        s.state = static_cast<tcp::State>(side.rest());
        s.iss = tcp::Seq(compact.iss[i]);
    }
    r.connection.side[0].scale = compact.scales >> kScaleBits;
    r.connection.side[1].scale = compact.scales & ((1U << kScaleBits) - 1);
    for (const Role role : kRoles) {
        Side& s = r.connection.of(role);
        const std::size_t i = tcp::index(role);
        if (numbers == nullptr) {
            s.max_window = tcp::scaled_window(r.connection, role, UINT16_MAX);
            continue;
        }
        s.next = tcp::Seq(numbers->next[i]);
        s.ack = tcp::Seq(numbers->ack[i]);
        s.window = numbers->window[i];
        const bool scaled = (compact.steps & kUnscaled[i]) == 0;
        s.edge = s.ack + (scaled ? tcp::scaled_window(r.connection, role, s.window) : s.window);
        s.max_window = tcp::scaled_window(r.connection, role, numbers->max_window[i]);
    }
    r.trail.begin_after(compact.steps & kMostSteps);
    r.losses = compact.losses;
}

}  // namespace finwait::flow
