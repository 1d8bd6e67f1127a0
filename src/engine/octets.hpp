// Numbers as bytes, least significant first, whatever machine it is: for what is kept outside of memory.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace finwait::engine {

class OctetWriter {
  public:
    explicit OctetWriter(std::vector<std::uint8_t>& out) : out_(out) {}

    template<std::unsigned_integral T>
    void put(T value) {
        for (std::size_t i = 0; i < sizeof(T); ++i)
            out_.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (8 * i)));
    }
    void put_signed(std::int64_t value) { put(static_cast<std::uint64_t>(value)); }
    void put_bytes(std::span<const std::uint8_t> bytes) {
        out_.insert(out_.end(), bytes.begin(), bytes.end());
    }

  private:
    std::vector<std::uint8_t>& out_;
};

/// Reads what an OctetWriter wrote. Beyond the end everything is 0, and ok() says so from then on.
class OctetReader {
  public:
    explicit OctetReader(std::span<const std::uint8_t> bytes) : left_(bytes) {}

    template<std::unsigned_integral T>
    [[nodiscard]] T take() {
        std::uint64_t value = 0;
        const std::span<const std::uint8_t> bytes = take_bytes(sizeof(T));
        for (std::size_t i = 0; i < bytes.size(); ++i)
            value |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
        return static_cast<T>(value);
    }
    [[nodiscard]] std::int64_t take_signed() { return static_cast<std::int64_t>(take<std::uint64_t>()); }
    /// So many bytes, or none when there are fewer.
    [[nodiscard]] std::span<const std::uint8_t> take_bytes(std::size_t count) {
        if (count > left_.size()) {
            refuse();
            return {};
        }
        const std::span<const std::uint8_t> taken = left_.first(count);
        left_ = left_.subspan(count);
        return taken;
    }

    /// What was read makes no sense.
    void refuse() {
        ok_ = false;
        left_ = {};
    }
    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] std::size_t left() const { return left_.size(); }

  private:
    std::span<const std::uint8_t> left_;
    bool ok_ = true;
};

}  // namespace finwait::engine
