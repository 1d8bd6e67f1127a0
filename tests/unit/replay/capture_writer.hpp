// Captures for tests: a pcap file written packet by packet, and the frames of all link types to put into it.
#pragma once

#include "support/dialogue.hpp"
#include "tcp/compose.hpp"

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <span>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace finwait::replay::testing {

using Bytes = std::vector<std::uint8_t>;
using namespace tcp::testing;  // the segments' short names

/// LINKTYPE_ values, as files have them.
namespace link {
inline constexpr std::uint32_t null = 0;
inline constexpr std::uint32_t ethernet = 1;
inline constexpr std::uint32_t raw = 101;
inline constexpr std::uint32_t wifi = 105;
inline constexpr std::uint32_t loop = 108;
inline constexpr std::uint32_t cooked_v1 = 113;
inline constexpr std::uint32_t ipv4 = 228;
inline constexpr std::uint32_t ipv6 = 229;
inline constexpr std::uint32_t cooked_v2 = 276;
}  // namespace link

inline Bytes operator+(Bytes a, const Bytes& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

inline Bytes number(std::uint32_t value, std::size_t size, bool big_endian) {
    Bytes out;
    for (std::size_t i = 0; i < size; ++i)
        out.push_back(static_cast<std::uint8_t>(value >> 8U * (big_endian ? size - 1 - i : i)));
    return out;
}
inline Bytes big(std::uint32_t value, std::size_t size) {
    return number(value, size, true);
}
inline Bytes little(std::uint32_t value, std::size_t size) {
    return number(value, size, false);
}
inline Bytes zeros(std::size_t size) {
    return Bytes(size, 0);
}

/// A file that goes with the test. Text that is already there can be added byte by byte.
class TemporaryFile {
  public:
    explicit TemporaryFile(const Bytes& content = {}) {
        const int fd = ::mkstemp(path_.data());
        if (fd >= 0) ::close(fd);
        append(content);
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() { std::remove(path_.c_str()); }

    void append(const Bytes& bytes) const {
        std::ofstream(path_, std::ios::binary | std::ios::app)
            .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    }
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_ = ::testing::TempDir() + "finwait-XXXXXX";
};

class PcapFile : public TemporaryFile {
  public:
    explicit PcapFile(std::uint32_t link_type, std::uint32_t snaplen = 65535) : snaplen_(snaplen) {
        append(little(0xA1B2C3D4, 4) + little(2, 2) + little(4, 2) + zeros(8) + little(snaplen, 4) +
               little(link_type, 4));
    }
    /// `seconds` after an arbitrary moment; cut to the snap length.
    void add(double seconds, const Bytes& frame) const {
        const std::size_t kept = std::min<std::size_t>(frame.size(), snaplen_);
        append(head(seconds, kept, frame.size()) +
               Bytes(frame.begin(), frame.begin() + static_cast<long>(kept)));
    }
    /// The record's header alone.
    [[nodiscard]] static Bytes head(double seconds, std::size_t kept, std::size_t wire) {
        const double since_epoch = 1'700'000'000 + seconds;
        const auto whole = static_cast<std::uint32_t>(since_epoch);
        const auto micro = static_cast<std::uint32_t>((since_epoch - whole) * 1e6 + 0.5);
        return little(whole, 4) + little(micro, 4) + little(static_cast<std::uint32_t>(kept), 4) +
               little(static_cast<std::uint32_t>(wire), 4);
    }

  private:
    std::uint32_t snaplen_;
};

/// Two hosts. Their packets begin with the IP header.
struct Hosts {
    tcp::Endpoint client{*tcp::Address::parse("10.99.1.2"), 40000};
    tcp::Endpoint server{*tcp::Address::parse("10.99.2.2"), 80};

    [[nodiscard]] Bytes from_client(tcp::Segment s) const { return packet(s, client, server); }
    [[nodiscard]] Bytes from_server(tcp::Segment s) const { return packet(s, server, client); }

    /// The client closes first, and the server has acknowledged that.
    [[nodiscard]] std::vector<Bytes> half_closed() const {
        return {from_client(syn(1000)), from_server(syn_ack(5000, 1001)), from_client(ack(1001, 5001)),
                from_client(fin(1001, 5001)), from_server(ack(5001, 1002))};
    }

  private:
    [[nodiscard]] static Bytes packet(tcp::Segment s, const tcp::Endpoint& from, const tcp::Endpoint& to) {
        s.source = from;
        s.destination = to;
        Bytes out(s.length + tcp::kMaxComposed);
        out.resize(tcp::compose(s, Bytes(s.length, 'x'), out));
        return out;
    }
};

inline Hosts ipv6_hosts() {
    return {{*tcp::Address::parse("2001:db8::1"), 40000}, {*tcp::Address::parse("2001:db8::2"), 80}};
}

inline Bytes ethernet(const Bytes& packet) {
    return zeros(12) + big((packet[0] >> 4U) == 4 ? 0x0800 : 0x86DD, 2) + packet;
}
inline Bytes with_tag(std::uint32_t type, const Bytes& frame) {
    return Bytes(frame.begin(), frame.begin() + 12) + big(type, 2) + big(7, 2) +
           Bytes(frame.begin() + 12, frame.end());
}

}  // namespace finwait::replay::testing
