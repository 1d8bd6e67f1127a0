// Numbers in network byte order. The caller has made sure that the bytes are there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace finwait::tcp {

using Bytes = std::span<const std::uint8_t>;

[[nodiscard]] inline std::uint16_t read16(Bytes b, std::size_t at) {
    return static_cast<std::uint16_t>(static_cast<unsigned>(b[at]) << 8U | b[at + 1]);
}

[[nodiscard]] inline std::uint32_t read32(Bytes b, std::size_t at) {
    return static_cast<std::uint32_t>(read16(b, at)) << 16U | read16(b, at + 2);
}

}  // namespace finwait::tcp
