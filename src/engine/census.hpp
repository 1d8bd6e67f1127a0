// The half-closed flows of one engine, counted by their closer and by the second in which they became so: how
// many there are of which age is then known without looking at any of them.
#pragma once

#include "policy/lasting.hpp"
#include "tcp/state.hpp"
#include "tcp/time.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace finwait::engine {

class Census {
  public:
    void add(tcp::Role closer, Instant since);
    /// What was added so, and not removed since.
    void remove(tcp::Role closer, Instant since);

    [[nodiscard]] const std::array<std::uint64_t, 2>& by_closer() const { return by_closer_; }
    [[nodiscard]] std::uint64_t count() const { return by_closer_[0] + by_closer_[1]; }
    [[nodiscard]] policy::Lasting ages(Instant now) const;

  private:
    /// More than the last of policy::kLastingBounds: what is older counts as that.
    static constexpr std::int64_t kSeconds = 16'384;

    [[nodiscard]] std::uint64_t& counter(std::int64_t second);
    void advance_to(std::int64_t second);

    std::array<std::uint64_t, 2> by_closer_{};
    std::vector<std::uint64_t> begun_ = std::vector<std::uint64_t>(kSeconds);  // by second, modulo kSeconds
    std::int64_t newest_ = kSeconds - 1;
    std::uint64_t older_ = 0;
};

}  // namespace finwait::engine
