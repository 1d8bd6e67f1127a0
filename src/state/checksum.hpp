// CRC-32C (Castagnoli; RFC 3720 appendix B.4), eight bytes at a time: a million flows must not wait for it.
#pragma once

#include <cstdint>
#include <span>

namespace finwait::state {

class Checksum {
  public:
    void add(std::span<const std::uint8_t> octets);
    [[nodiscard]] std::uint32_t value() const { return ~state_; }

  private:
    std::uint32_t state_ = UINT32_MAX;
};

}  // namespace finwait::state
