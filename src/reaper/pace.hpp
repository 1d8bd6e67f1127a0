// Rate limits (the generic cell rate algorithm, ITU-T I.371). Pace hands out places in time. RateLimit says
// whether one more may leave now, or has to wait behind others; the engine keeps the waiting lines.
#pragma once

#include "tcp/time.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace finwait::reaper {

class Pace {
  public:
    /// `per_second` at least 1.
    explicit Pace(std::uint32_t per_second)
        : interval_(Duration(std::chrono::seconds(1)) / std::max(per_second, 1U)) {}

    /// Takes the next place: when whoever it is for may go, not before `now`.
    [[nodiscard]] Instant take(Instant now) {
        const Instant place = std::max(now, next_);
        next_ = place + interval_;
        return place;
    }

  private:
    Duration interval_;
    Instant next_;
};

/// Who goes first of those that wait.
enum class Urgency : std::uint8_t {
    requested,   // an operator waits for it
    confirming,  // an RST has been sent, and it is not known yet whether it worked
    ordinary,
};
inline constexpr std::size_t kUrgencies = 3;

/// Which rate limit makes a flow wait.
enum class Limit : std::uint8_t { probes, resets };

/// So many may leave in each second, evenly spread. A place is used up only by what really leaves: a flow
/// that waits and then has nothing to send any more keeps nobody back.
class RateLimit {
  public:
    /// `per_second` at least 1.
    explicit RateLimit(std::uint32_t per_second) { set_rate(per_second); }

    /// From now on so many a second. Places that have been used up stay so, and take the time that the new
    /// rate asks for.
    void set_rate(std::uint32_t per_second) {
        const Duration interval = Duration(std::chrono::seconds(1)) / std::max(per_second, 1U);
        if (interval_ > Duration(0)) next_ = used_ + interval * ((next_ - used_) / interval_);
        interval_ = interval;
    }

    /// Places this close are as good as now, so that nobody is woken for each one.
    static constexpr Duration kBurst = std::chrono::milliseconds(5);

    [[nodiscard]] bool open(Instant now) const { return next_ <= now + kBurst; }
    /// When it is open again.
    [[nodiscard]] Instant next() const { return next_; }

    /// Whether a place has been used up since `then`.
    [[nodiscard]] bool used_since(Instant then) const { return used_ >= then && used_ != Instant(); }

    /// Uses up `places` at once, if there is one and nobody waits who goes first. `granted`: those who wait
    /// have been asked already, and it is this one's turn.
    [[nodiscard]] bool take(Instant now, Urgency urgency, unsigned places, bool granted) {
        if (!open(now) || (!granted && ahead_of(urgency) > 0)) return false;
        used_ = now;
        next_ = std::max(now, next_) + interval_ * places;
        return true;
    }

    /// About when it is the turn of somebody who joins the waiting now.
    [[nodiscard]] Instant expected(Instant now, Urgency urgency) const {
        return std::max(now, next_) + interval_ * static_cast<std::int64_t>(ahead_of(urgency));
    }

    void joined(Urgency urgency) { ++waiting_[index(urgency)]; }
    void left(Urgency urgency) { --waiting_[index(urgency)]; }

    /// The same limit for somebody who looks ahead: those who wait are served by then.
    [[nodiscard]] RateLimit foreseen(Instant now, Urgency urgency) const {
        RateLimit copy = *this;
        copy.next_ = ahead_of(urgency) > 0 ? expected(now, urgency) : next_;
        copy.waiting_ = {};
        return copy;
    }

  private:
    static std::size_t index(Urgency urgency) { return static_cast<std::size_t>(urgency); }
    /// How many go before somebody of this urgency who comes now.
    [[nodiscard]] std::uint64_t ahead_of(Urgency urgency) const {
        std::uint64_t all = 0;
        for (std::size_t i = 0; i <= index(urgency); ++i)
            all += waiting_[i];
        return all;
    }

    Duration interval_{0};
    Instant next_;
    Instant used_;
    std::array<std::uint32_t, kUrgencies> waiting_{};
};

}  // namespace finwait::reaper
