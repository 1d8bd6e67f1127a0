// Sequence numbers: positions in a space of 2^32 that wraps (RFC 9293 section 3.4).
// A type of their own, so that they can only be compared modulo 2^32.
#pragma once

#include <cstdint>

namespace finwait::tcp {

class Seq {
  public:
    constexpr Seq() = default;
    constexpr explicit Seq(std::uint32_t value) : value_(value) {}

    [[nodiscard]] constexpr std::uint32_t value() const { return value_; }

    friend constexpr bool operator==(Seq, Seq) = default;
    friend constexpr Seq operator+(Seq s, std::uint32_t n) { return Seq(s.value_ + n); }
    friend constexpr Seq operator-(Seq s, std::uint32_t n) { return Seq(s.value_ - n); }
    /// How far `a` lies ahead of `b`; negative when it lies behind. Meaningful within 2^31.
    friend constexpr std::int32_t operator-(Seq a, Seq b) {
        return static_cast<std::int32_t>(a.value_ - b.value_);
    }

  private:
    std::uint32_t value_ = 0;
};

[[nodiscard]] constexpr bool before(Seq a, Seq b) {
    return a - b < 0;
}
[[nodiscard]] constexpr bool after(Seq a, Seq b) {
    return a - b > 0;
}
[[nodiscard]] constexpr bool at_or_before(Seq a, Seq b) {
    return a - b <= 0;
}
[[nodiscard]] constexpr bool at_or_after(Seq a, Seq b) {
    return a - b >= 0;
}
[[nodiscard]] constexpr Seq later(Seq a, Seq b) {
    return after(a, b) ? a : b;
}

}  // namespace finwait::tcp
