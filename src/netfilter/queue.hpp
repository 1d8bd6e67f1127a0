// One NFQUEUE: binding, receiving in bursts, verdicts in one batch. Linux's
// include/uapi/linux/netfilter/nfnetlink_queue.h is the protocol. Knows bytes and ids, nothing of TCP.
#pragma once

#include "netfilter/queue_guard.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>

namespace finwait::netfilter {

struct QueueOptions {
    std::uint16_t number = 0;
    /// Bytes of each packet that are copied to us.
    std::uint32_t copy_range = 120;
    /// Packets that the kernel holds at most; what is beyond passes (fail-open).
    std::uint32_t max_length = 65536;
    /// Set on a packet by Disposition::mark.
    std::uint32_t mark = 0x40000000;
    /// Shared with the queue's guard, if it has one; outlives the queue.
    QueuePulse* pulse = nullptr;
};

/// Where a packet was queued.
enum class Hook : std::uint8_t { forward, input, output };

/// One queued packet; `payload` starts at its IP header and lives until the next receive().
struct QueuedPacket {
    std::uint32_t id = 0;
    std::uint32_t mark = 0;  // the packet's firewall mark, without the options' bits
    std::uint32_t in = 0;    // the interfaces by which it came and will leave, by index
    std::uint32_t out = 0;
    bool unverified = false;        // nobody has looked at its TCP checksum yet
    bool bridged = false;           // br_netfilter shows it: it goes from port to port, and is not routed
    std::uint32_t wire_length = 0;  // bytes on the wire (of the whole GSO packet)
    Hook hook = Hook::forward;
    std::uint32_t lost_before = 0;  // packets that passed unseen between the one before and this one
    std::span<const std::uint8_t> payload;
};

enum class Disposition : std::uint8_t {
    accept,
    mark,  // accept, with the options' mark bits added
    drop,
};

struct QueueError {
    std::string message;  // what failed and what to do
    bool not_permitted = false;
};

class Queue {
  public:
    static constexpr std::size_t kBurst = 64;  // packets received at once, at most

    [[nodiscard]] static std::variant<Queue, QueueError> open(const QueueOptions& options);
    Queue(Queue&&) noexcept;
    Queue& operator=(Queue&&) noexcept;
    ~Queue();

    /// From now on packets wait for their verdicts. Until then they pass: the queue is bound, so that nobody
    /// else gets it, and holds nothing.
    void hold();
    /// From now on further packets pass unseen. Those that are queued still wait for their verdicts.
    void let_pass();
    /// Lets everything pass and gives the queue up, whoever else has its socket open. No packet is dropped.
    void leave();

    /// The netlink socket, for readiness.
    [[nodiscard]] int descriptor() const;

    /// Receives one burst without waiting; empty when nothing is queued. Every packet received must be
    /// disposed of, in order, before the next call.
    [[nodiscard]] std::span<const QueuedPacket> receive();
    /// Packets that passed unseen since the last call, as far as no lost_before tells of them. Where the
    /// guard has let packets pass, nobody has counted them: 1 stands for them all. To be asked when receive()
    /// has found nothing.
    [[nodiscard]] std::uint32_t take_unseen();
    /// As take_unseen(), also those that the kernel has lost and no later packet has told of. Costs a system
    /// call. REQUIRES: receive() has found nothing.
    [[nodiscard]] std::uint32_t look_for_loss();
    /// How often the guard has let packets pass.
    [[nodiscard]] std::uint64_t openings() const;
    /// Decides on packets()[i] of the last burst, in order; sent by flush().
    void dispose(std::size_t i, Disposition disposition);
    /// Tells the kernel the verdicts of the burst: one batch verdict, and a single one for each marked
    /// packet.
    void flush();

    /// Packets that passed unseen because the queue was full, as far as the gaps in their ids tell.
    [[nodiscard]] std::uint64_t lost() const;
    /// Messages from the kernel that made no sense to us (an unknown id, an error).
    [[nodiscard]] std::uint64_t errors() const;

  private:
    struct Impl;
    explicit Queue(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// The kernel's own loss counters of a queue, from /proc/net/netfilter/nfnetlink_queue; zeros when it is not
/// listed.
struct KernelDrops {
    std::uint64_t queue_dropped = 0;  // the queue was full
    std::uint64_t user_dropped = 0;   // our socket buffer was full
};
[[nodiscard]] KernelDrops kernel_drops(std::uint16_t queue);

}  // namespace finwait::netfilter
