// The state file's content. All numbers least significant byte first:
//
//   "FINWAITD" | version 16 | origin | batches | end | length 64 | CRC-32C
//   origin:  boot id (length 8, text) | network 64 | mark mask 32 | all packets 8 | scope 8
//            | loopback 8 | first queue 16 | queues 16 | backend 8 | spread 8 | spreaders 64 64
//            | monotonic 64 | wall 64
//   batch:   shard 16 | length 32 | as Engine::save() wrote it
//   end:     shard ffff | length 0
//
// The length is that of everything before it, the checksum of everything before itself.
#pragma once

#include "state/checksum.hpp"
#include "state/origin.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace finwait::state {

using Octets = std::vector<std::uint8_t>;
using OctetView = std::span<const std::uint8_t>;

/// The longest that anything but batches takes.
inline constexpr std::size_t kMostFraming = 512;

/// Produces a file piece by piece; what stands in the buffer may be written and cleared between any two.
class Encoder {
  public:
    explicit Encoder(const Origin& origin);
    void add(std::uint16_t shard, OctetView batch);
    void finish();

    /// What has not been taken yet.
    [[nodiscard]] Octets& buffer() { return buffer_; }

  private:
    void account(std::size_t from);

    Octets buffer_;
    std::uint64_t length_ = 0;
    Checksum checksum_;
};

struct Batch {
    std::uint16_t shard;
    OctetView octets;  // of the file
};

struct Content {
    Origin origin;
    std::vector<Batch> batches;
};

/// Whether a file that begins like this is ours at all.
[[nodiscard]] bool is_ours(OctetView file);

/// A file's content, every record in it checked; or why it cannot be used.
[[nodiscard]] std::variant<Content, std::string> decode(OctetView file);

}  // namespace finwait::state
