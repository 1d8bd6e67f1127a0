// A circuit breaker: a policy that would end more than its share of the table within a minute is more likely
// wrong than right, and is stopped until an operator has looked: it ends only what a side proves to be over,
// which does not count here. Of what it may end without proof, one source may bring
// about a part only: beyond that the source's own flows wait, so that nobody can stop a policy for everybody.
#pragma once

#include "tcp/time.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace finwait::policy {

/// As share: never opens.
inline constexpr double kNoBreaker = 1.0;

/// What a breaker says to one more end.
enum class Admission : std::uint8_t {
    admitted,
    source_full,  // its source has had its part within the minute: this flow is to wait
    stopped,      // the breaker is open
};

/// How many ends each source had within the last minute, about: sources are told apart by some bits of a
/// keyed hash, and the minute before counts for what is left of it. Needs no memory of its own for a source.
class SourceEnds {
  public:
    void add(Instant now, std::uint64_t source);
    [[nodiscard]] std::uint64_t within_a_minute(Instant now, std::uint64_t source) const;

  private:
    static constexpr std::size_t kBuckets = 512;
    using Minute = std::array<std::uint32_t, kBuckets>;

    Minute current_{};
    Minute previous_{};
    std::int64_t minute_ = 0;  // the one that current_ counts
};

class Breaker {
  public:
    /// Fewer ends than this within a minute are never too many, however small the table.
    static constexpr std::uint64_t kFloor = 500;
    /// One source may bring about one end of so many.
    static constexpr std::uint64_t kSourcePart = 4;

    /// Takes note of one more end, of a table that holds `flows` now; its size is the most that it has held
    /// within the minute. `source` is a keyed hash of whom the end is due to. Unless it is admitted, the end
    /// must not happen.
    [[nodiscard]] Admission admit(Instant now, std::uint64_t flows, double share, std::uint64_t source);
    [[nodiscard]] bool open() const { return open_; }
    void close();

    /// Ends within the last minute, counted in steps of five seconds.
    [[nodiscard]] std::uint64_t recent(Instant now);

  private:
    static constexpr Duration kStep = std::chrono::seconds(5);
    static constexpr std::size_t kSteps = 12;

    struct Step {
        std::uint64_t ends = 0;
        std::uint64_t flows = 0;  // the most at any of them
    };

    void forget_old(Instant now);

    std::array<Step, kSteps> steps_{};
    std::int64_t newest_ = 0;
    SourceEnds by_source_;
    bool open_ = false;
};

}  // namespace finwait::policy
