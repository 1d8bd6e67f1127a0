#include "state/format.hpp"

#include "engine/octets.hpp"
#include "engine/snapshot.hpp"

#include <algorithm>
#include <string_view>

namespace finwait::state {

namespace {

using engine::OctetReader;
using engine::OctetWriter;

constexpr std::string_view kMagic = "FINWAITD";
constexpr std::uint16_t kEnd = 0xffff;
constexpr std::size_t kTrailer = 12;
constexpr std::size_t kMostBootId = 64;

OctetView octets_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

void put(OctetWriter& out, const Origin& o) {
    const std::string_view boot = std::string_view(o.boot).substr(0, kMostBootId);
    out.put(static_cast<std::uint8_t>(boot.size()));
    out.put_bytes(octets_of(boot));
    out.put(o.network);
    out.put(o.mark_mask);
    out.put(static_cast<std::uint8_t>(o.all_packets));
    out.put(o.scope);
    out.put(static_cast<std::uint8_t>(o.loopback));
    out.put(o.first_queue);
    out.put(o.queues);
    out.put(o.backend);
    out.put(o.spread);
    for (const std::uint64_t spreader : o.spreaders)
        out.put(spreader);
    out.put_signed(o.at.since_origin().count());
    out.put_signed(o.wall);
}

Origin take_origin(OctetReader& in) {
    Origin o;
    const auto length = in.take<std::uint8_t>();
    const OctetView boot = in.take_bytes(length);
    o.boot.assign(boot.begin(), boot.end());
    o.network = in.take<std::uint64_t>();
    o.mark_mask = in.take<std::uint32_t>();
    o.all_packets = in.take<std::uint8_t>() != 0;
    o.scope = in.take<std::uint8_t>();
    o.loopback = in.take<std::uint8_t>() != 0;
    o.first_queue = in.take<std::uint16_t>();
    o.queues = in.take<std::uint16_t>();
    o.backend = in.take<std::uint8_t>();
    o.spread = in.take<std::uint8_t>();
    for (std::uint64_t& spreader : o.spreaders)
        spreader = in.take<std::uint64_t>();
    o.at = Instant(Duration(in.take_signed()));
    o.wall = in.take_signed();
    // Clocks that show a negative time are no clocks, and differences must not overflow.
    if (o.at < Instant() || o.wall < 0) in.refuse();
    return o;
}

/// Up to the end mark; in.ok() says whether it came.
std::vector<Batch> take_batches(OctetReader& in, Instant saved) {
    std::vector<Batch> batches;
    while (in.ok()) {
        const auto shard = in.take<std::uint16_t>();
        const auto length = in.take<std::uint32_t>();
        const OctetView octets = in.take_bytes(length);
        if (shard == kEnd && length == 0) return batches;
        if (!in.ok() || !engine::readable(octets, saved)) break;
        batches.push_back({shard, octets});
    }
    in.refuse();
    return {};
}

}  // namespace

Encoder::Encoder(const Origin& origin) {
    OctetWriter out(buffer_);
    out.put_bytes(octets_of(kMagic));
    out.put(engine::kSnapshotVersion);
    put(out, origin);
    account(0);
}

void Encoder::add(std::uint16_t shard, OctetView batch) {
    const std::size_t from = buffer_.size();
    OctetWriter out(buffer_);
    out.put(shard);
    out.put(static_cast<std::uint32_t>(batch.size()));
    out.put_bytes(batch);
    account(from);
}

void Encoder::finish() {
    add(kEnd, {});
    const std::size_t from = buffer_.size();
    OctetWriter(buffer_).put(length_);
    account(from);
    OctetWriter(buffer_).put(checksum_.value());
}

void Encoder::account(std::size_t from) {
    const std::size_t count = buffer_.size() - from;
    checksum_.add(OctetView(buffer_).subspan(from));
    length_ += count;
}

bool is_ours(OctetView file) {
    return file.size() >= kMagic.size() && std::ranges::equal(file.first(kMagic.size()), octets_of(kMagic));
}

std::variant<Content, std::string> decode(OctetView file) {
    using namespace std::string_literals;
    if (!is_ours(file)) return "it is not a state file of finwaitd"s;
    OctetReader in(file.subspan(kMagic.size()));
    const auto version = in.take<std::uint16_t>();
    if (in.ok() && version != engine::kSnapshotVersion)
        return "another version of finwaitd wrote it (format " + std::to_string(version) + ", not " +
               std::to_string(engine::kSnapshotVersion) + ")";
    if (in.left() < kTrailer) return "it is cut off"s;
    OctetReader trailer(file.last(kTrailer));
    if (trailer.take<std::uint64_t>() != file.size() - kTrailer) return "it is cut off or damaged"s;
    Checksum checksum;
    checksum.add(file.first(file.size() - 4));
    if (trailer.take<std::uint32_t>() != checksum.value()) return "it is damaged: its checksum is wrong"s;
    Content content;
    content.origin = take_origin(in);
    if (in.ok()) content.batches = take_batches(in, content.origin.at);
    if (!in.ok() || in.left() != kTrailer) return "it makes no sense, although its checksum is right"s;
    return content;
}

}  // namespace finwait::state
