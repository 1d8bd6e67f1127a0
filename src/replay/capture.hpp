// A capture file, read packet by packet: pcap and pcapng, through libpcap. Knows nothing of what is in the
// packets. Time counts from the first packet and never runs backwards.
#pragma once

#include "tcp/time.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

struct pcap;

namespace finwait::replay {

struct Packet {
    Instant time;                         // since the capture's first packet
    std::span<const std::uint8_t> frame;  // what was captured of it; until the next packet is read
    std::size_t wire_length = 0;          // on the wire, link header included
};

class Capture {
  public:
    /// `path` "-" is standard input. Otherwise why it cannot be read, for people.
    [[nodiscard]] static std::variant<Capture, std::string> open(const std::string& path);

    /// Nothing at the end, and where the capture is broken: then problem() says so.
    [[nodiscard]] std::optional<Packet> next();
    /// What ended the capture before its time, with the packet's number; empty when nothing did.
    [[nodiscard]] const std::string& problem() const { return problem_; }

    [[nodiscard]] std::uint64_t packets() const { return packets_; }
    /// Packets whose time stamp lay before that of one that came earlier; they take the earlier one's.
    [[nodiscard]] std::uint64_t backwards() const { return backwards_; }
    /// A DLT_ value.
    [[nodiscard]] int link_type() const { return link_type_; }

  private:
    struct Closer {
        void operator()(pcap* handle) const;
    };
    Capture() = default;
    [[nodiscard]] Instant time_of(std::int64_t seconds, std::int64_t nanoseconds);

    std::vector<char> buffer_;  // the stream's: must outlive the handle
    std::unique_ptr<pcap, Closer> handle_;
    std::string problem_;
    int link_type_ = 0;
    std::uint64_t packets_ = 0;
    std::uint64_t backwards_ = 0;
    std::optional<std::pair<std::int64_t, std::int64_t>> first_;  // seconds, nanoseconds
    Instant latest_;
};

}  // namespace finwait::replay
