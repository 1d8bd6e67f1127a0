// Random numbers that a seed reproduces on every machine (splitmix64, Steele, Lea, Flood 2014): the
// distributions of the standard library are not the same everywhere. Or numbers that somebody else chooses.
#pragma once

#include <cstdint>
#include <span>

namespace finwait::sim {

class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    /// Each number is made of the next two of `chosen`; behind their end, all are 0.
    explicit Random(std::span<const std::uint8_t> chosen) : chosen_(chosen), by_choice_(true) {}

    [[nodiscard]] std::uint64_t next() {
        if (by_choice_) return choose() << 56U | choose() << 48U;
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
    [[nodiscard]] std::uint64_t choose() {
        if (chosen_.empty()) return 0;
        const std::uint8_t byte = chosen_.front();
        chosen_ = chosen_.subspan(1);
        return byte;
    }

    std::uint64_t state_ = 0;
    std::span<const std::uint8_t> chosen_;
    bool by_choice_ = false;
};

}  // namespace finwait::sim
