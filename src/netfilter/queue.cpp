#include "netfilter/queue.hpp"

#include "netfilter/queue_message.hpp"
#include "netfilter/queue_socket.hpp"
#include "netfilter/verdicts.hpp"

#include <array>
#include <cassert>
#include <cerrno>
#include <sys/socket.h>
#include <vector>

#include <linux/netlink.h>

namespace finwait::netfilter {

struct Queue::Impl {
    Impl(QueueSocket s, const QueueOptions& o)
        : socket(std::move(s)),
          options(o),
          verdicts(o.number),
          stride(o.copy_range + kOverhead),
          buffers(stride * kBurst) {
        for (std::size_t i = 0; i < kBurst; ++i) {
            vectors[i] = {buffers.data() + i * stride, stride};
            headers[i].msg_hdr.msg_iov = &vectors[i];
            headers[i].msg_hdr.msg_iovlen = 1;
            headers[i].msg_hdr.msg_name = &senders[i];
        }
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    /// Closing the socket drops what the kernel still holds: accept it first, received or not.
    ~Impl() {
        verdicts.accept(last_id + kFarAhead);
        (void)verdicts.flush(socket.descriptor());
    }

    /// One recvmmsg; the number of messages, 0 when there are none.
    std::size_t read_burst() {
        for (mmsghdr& h : headers)
            h.msg_hdr.msg_namelen = sizeof(sockaddr_nl);
        for (;;) {
            const int n = recvmmsg(socket.descriptor(), headers.data(), kBurst, MSG_DONTWAIT, nullptr);
            if (n >= 0) return static_cast<std::size_t>(n);
            if (errno == EAGAIN) return 0;
            if (errno == EINTR) continue;
            ++errors;
            if (errno != ENOBUFS) return 0;
        }
    }

    void take(std::size_t i) {
        // Any process with the right may write to our port; only port 0 is the kernel.
        if (senders[i].nl_pid != 0) {
            ++errors;
            return;
        }
        const QueueMessage message = read_message({buffers.data() + i * stride, headers[i].msg_len});
        if (message.kind != QueueMessage::Kind::packet) {
            ++errors;
            return;
        }
        // The id is counted up before the kernel tries to hand the packet over: one that found our buffer
        // full, and was let pass by fail-open, leaves a gap.
        QueuedPacket& packet = packets[count++] = message.packet;
        packet.lost_before = packet.id - last_id - 1;
        lost += packet.lost_before;
        last_id = packet.id;
        packet.mark &= ~options.mark;
    }

    /// Packets of the last burst that nobody decided on go their way.
    void settle() {
        if (decided < count) verdicts.accept(packets[count - 1].id);
        decided = count;
        flush();
    }

    void flush() {
        if (!verdicts.empty() && !verdicts.flush(socket.descriptor())) ++errors;
    }

    static_assert(Verdicts::kBurst == kBurst);
    /// Netlink headers and every attribute but the payload, of bridged packets, too: less than 256 bytes.
    static constexpr std::size_t kOverhead = 384;
    static constexpr std::uint32_t kFarAhead = 1U << 30U;

    QueueSocket socket;
    QueueOptions options;
    Verdicts verdicts;
    std::size_t stride;
    std::vector<char> buffers;
    std::array<iovec, kBurst> vectors{};
    std::array<sockaddr_nl, kBurst> senders{};
    std::array<mmsghdr, kBurst> headers{};
    std::array<QueuedPacket, kBurst> packets{};
    std::size_t count = 0;      // packets of the last burst
    std::size_t decided = 0;    // of these, the ones disposed of
    std::uint32_t last_id = 0;  // the kernel counts from 1 on
    std::uint64_t lost = 0;
    std::uint64_t errors = 0;
};

Queue::Queue(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Queue::Queue(Queue&&) noexcept = default;
Queue& Queue::operator=(Queue&&) noexcept = default;
Queue::~Queue() = default;

std::variant<Queue, QueueError> Queue::open(const QueueOptions& options) {
    auto opened = QueueSocket::open(options);
    if (auto* error = std::get_if<QueueError>(&opened)) return std::move(*error);
    return Queue(std::make_unique<Impl>(std::get<QueueSocket>(std::move(opened)), options));
}

int Queue::descriptor() const {
    return impl_->socket.descriptor();
}

std::span<const QueuedPacket> Queue::receive() {
    Impl& q = *impl_;
    q.settle();
    q.count = 0;
    q.decided = 0;
    // A burst of nothing but error messages is no reason to stop.
    while (q.count == 0) {
        const std::size_t n = q.read_burst();
        if (n == 0) break;
        for (std::size_t i = 0; i < n; ++i)
            q.take(i);
    }
    return {q.packets.data(), q.count};
}

void Queue::dispose(std::size_t i, Disposition disposition) {
    Impl& q = *impl_;
    assert(i == q.decided && i < q.count);
    const QueuedPacket& packet = q.packets[i];
    switch (disposition) {
        case Disposition::accept: q.verdicts.accept(packet.id); break;
        case Disposition::mark: q.verdicts.accept_marked(packet.id, packet.mark | q.options.mark); break;
        case Disposition::drop: q.verdicts.drop(packet.id); break;
    }
    q.decided = i + 1;
}

void Queue::flush() {
    impl_->flush();
}

std::uint64_t Queue::lost() const {
    return impl_->lost;
}

std::uint64_t Queue::errors() const {
    return impl_->errors;
}

}  // namespace finwait::netfilter
