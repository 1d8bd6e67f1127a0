// What the kernel says over netlink: queued packets, conntrack's entries, sockets, links and routing rules.
// The first byte chooses the reader; the rest is one datagram.
#include "host/socket_message.hpp"
#include "input.hpp"
#include "machine/detours.hpp"
#include "netfilter/conntrack_message.hpp"
#include "netfilter/datagram.hpp"
#include "netfilter/queue_message.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

namespace finwait::fuzz {
namespace {

/// Aligned and no longer than it must be, so that a read beyond the end is seen.
class Datagram {
  public:
    explicit Datagram(std::span<const std::uint8_t> bytes)
        : size_(bytes.size()), room_(std::make_unique<char[]>(bytes.size())) {
        if (!bytes.empty()) std::memcpy(room_.get(), bytes.data(), bytes.size());
    }
    [[nodiscard]] std::span<const char> bytes() const { return {room_.get(), size_}; }

  private:
    std::size_t size_;
    std::unique_ptr<char[]> room_;
};

void queue(const Datagram& datagram) {
    using netfilter::QueueMessage;
    const std::span<const char> bytes = datagram.bytes();
    const QueueMessage message = netfilter::read_message(bytes);
    if (message.kind != QueueMessage::Kind::packet || message.packet.payload.empty()) return;
    const auto* first = reinterpret_cast<const char*>(message.packet.payload.data());
    const bool within =
        first >= bytes.data() && message.packet.payload.size() <= bytes.size() &&
        first - bytes.data() <= static_cast<std::ptrdiff_t>(bytes.size() - message.packet.payload.size());
    require(within, "a packet lies outside of its message");
}

void conntrack(const Datagram& datagram) {
    netfilter::each_message(datagram.bytes(), [](const nlmsghdr& message) {
        static_cast<void>(netfilter::read_error(message));
        static_cast<void>(netfilter::read_result(message));
        static_cast<void>(netfilter::read_count(message));
        const auto translation = netfilter::read_translation(message);
        const auto tracked = netfilter::read_tracked(message);
        if (!tracked) return false;
        require(translation == tracked->translation, "two readings of an entry differ");
        require(tracked->left >= Duration(0), "an entry has a negative time left");
        netfilter::ConntrackRequest room{};
        for (const auto& request : {netfilter::write_removal(room, 1, *translation),
                                    netfilter::write_mark(room, 2, *translation, 0x40000000),
                                    netfilter::write_timeout(room, 3, *translation, std::chrono::hours(1))})
            require(request.size() <= room.size(), "a request is larger than its room");
        return false;
    });
}

void sockets(const Datagram& datagram) {
    const host::SocketAnswer answer = host::read_answer(datagram.bytes());
    require(!answer.listens || answer.error == 0, "a socket that is not there listens");
    static_cast<void>(host::answers(datagram.bytes(), 1));
}

void detours(const Datagram& datagram) {
    machine::DetourScan scan;
    netfilter::each_message(datagram.bytes(), [&scan](const nlmsghdr& message) {
        scan.take(message);
        return false;
    });
    const machine::Detours found = scan.found();
    require(std::ranges::is_sorted(found.vrf) && std::ranges::is_sorted(found.ruled) &&
                std::ranges::is_sorted(found.ports),
            "what is to be looked up is not sorted");
}

}  // namespace
}  // namespace finwait::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace finwait::fuzz;
    Input in(data, size);
    const std::uint32_t reader = in.below(4);
    const Datagram datagram(in.rest());
    switch (reader) {
        case 0: queue(datagram); break;
        case 1: conntrack(datagram); break;
        case 2: sockets(datagram); break;
        default: detours(datagram); break;
    }
    return 0;
}
