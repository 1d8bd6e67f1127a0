#include "state/checksum.hpp"

#include <array>

namespace finwait::state {

namespace {

constexpr std::uint32_t kPolynomial = 0x82f63b78;  // reflected

/// By the number of zero bytes that follow, and the byte (Kounavis, Berry 2005: "slicing by 8").
constexpr auto kTables = [] {
    std::array<std::array<std::uint32_t, 256>, 8> tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? kPolynomial : 0);
        tables[0][byte] = crc;
    }
    for (std::size_t zeros = 1; zeros < tables.size(); ++zeros)
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const std::uint32_t crc = tables[zeros - 1][byte];
            tables[zeros][byte] = (crc >> 8U) ^ tables[0][crc & 0xffU];
        }
    return tables;
}();

}  // namespace

void Checksum::add(std::span<const std::uint8_t> octets) {
    std::uint32_t crc = state_;
    for (; octets.size() >= 8; octets = octets.subspan(8)) {
        std::uint32_t next = 0;
        for (std::size_t i = 0; i < 4; ++i)
            next ^= kTables[7 - i][octets[i] ^ (crc >> (8 * i) & 0xffU)];
        for (std::size_t i = 4; i < 8; ++i)
            next ^= kTables[7 - i][octets[i]];
        crc = next;
    }
    for (const std::uint8_t octet : octets)
        crc = (crc >> 8U) ^ kTables[0][(crc ^ octet) & 0xffU];
    state_ = crc;
}

}  // namespace finwait::state
