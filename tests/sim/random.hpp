// Random numbers that a seed reproduces on every machine (splitmix64, Steele, Lea, Flood 2014): the
// distributions of the standard library are not the same everywhere.
#pragma once

#include <cstdint>

namespace finwait::sim {

class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    [[nodiscard]] std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31U);
    }
    [[nodiscard]] std::uint32_t bits() { return static_cast<std::uint32_t>(next() >> 32U); }
    /// 0 to n - 1.
    [[nodiscard]] std::uint32_t below(std::uint32_t n) {
        return static_cast<std::uint32_t>((std::uint64_t{bits()} * n) >> 32U);
    }
    [[nodiscard]] std::uint32_t between(std::uint32_t low, std::uint32_t high) {
        return low + below(high - low + 1);
    }
    [[nodiscard]] bool chance(std::uint32_t percent) { return below(100) < percent; }

  private:
    std::uint64_t state_;
};

}  // namespace finwait::sim
