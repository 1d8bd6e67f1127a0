// What every fuzz target needs: numbers out of the fuzzer's bytes, and a way to say that something must not
// be.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>

namespace finwait::fuzz {

/// Ends the process: that is how a fuzzer is told of a finding.
inline void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "finding: %s\n", what);
    std::abort();
}

/// Read from the front; beyond the end everything is 0.
class Input {
  public:
    Input(const std::uint8_t* data, std::size_t size) : left_(data, size) {}

    template<std::unsigned_integral T>
    [[nodiscard]] T take() {
        std::uint64_t value = 0;
        for (const std::uint8_t byte : bytes(sizeof(T)))
            value = value << 8U | byte;
        return static_cast<T>(value);
    }
    /// 0 to n - 1; n is 256 at most.
    [[nodiscard]] std::uint32_t below(std::size_t n) {
        return static_cast<std::uint32_t>(take<std::uint8_t>() % n);
    }
    [[nodiscard]] bool flag() { return (take<std::uint8_t>() & 1U) != 0; }

    /// So many, or what is left.
    [[nodiscard]] std::span<const std::uint8_t> bytes(std::size_t count) {
        const auto taken = left_.first(std::min(count, left_.size()));
        left_ = left_.subspan(taken.size());
        return taken;
    }
    [[nodiscard]] std::span<const std::uint8_t> rest() { return bytes(left_.size()); }
    [[nodiscard]] std::string_view text() {
        const auto all = rest();
        return {reinterpret_cast<const char*>(all.data()), all.size()};
    }
    [[nodiscard]] bool empty() const { return left_.empty(); }

  private:
    std::span<const std::uint8_t> left_;
};

}  // namespace finwait::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
