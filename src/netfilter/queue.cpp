#include "netfilter/queue.hpp"

#include "netfilter/queue_message.hpp"
#include "netfilter/queue_socket.hpp"
#include "netfilter/verdicts.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <sys/socket.h>
#include <utility>
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

    ~Impl() { leave(); }

    /// Closing the socket drops what the kernel still holds: accept it first, received or not.
    void leave() {
        if (std::exchange(left, true) || socket.descriptor() < 0) return;
        socket.set_length(options.number, 0);
        verdicts.accept(last_id + kFarAhead);
        (void)verdicts.flush(socket.descriptor());
        socket.unbind(options.number);
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
            // The guard's verdict came before ours.
            const bool late = message.kind == QueueMessage::Kind::error && message.error == ENOENT;
            if (!late || (openings == 0 && pulse->state == QueuePulse::State::watched)) ++errors;
            return;
        }
        // The id is counted up before the kernel tries to hand the packet over: one that found our buffer
        // full, and was let pass by fail-open, leaves a gap.
        QueuedPacket& packet = packets[count++] = message.packet;
        const std::uint32_t gap = packet.id - last_id - 1;
        const std::uint32_t told = std::min(gap, told_ahead);
        told_ahead -= told;
        told_by_gaps += packet.lost_before = gap - told;
        lost += packet.lost_before;
        last_id = packet.id;
        packet.mark &= ~options.mark;
    }

    /// Told to the guard. Whether it has let everything pass: then verdicts come too late.
    void beat() {
        pulse->beats.store(pulse->beats.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        if (moot || pulse->state.load(std::memory_order_acquire) != QueuePulse::State::open) return;
        moot = true;
        ++openings;
    }

    void note_burst() {
        pulse->last_id.store(last_id, std::memory_order_relaxed);
        pulse->deciding.store(count > 0 && !moot, std::memory_order_relaxed);
    }

    /// All that the kernel has handed over before the guard opened the queue has been read.
    void close_again() {
        moot = false;
        ++unseen;
        if (!left) socket.set_length(options.number, length);
        pulse->state.store(QueuePulse::State::watched, std::memory_order_release);
    }

    void set_length(std::uint32_t most) {
        length = most;
        socket.set_length(options.number, most);
    }

    /// What the socket has lost since the last look, without what gaps in the ids have told.
    std::uint32_t look_for_loss() {
        const std::uint32_t now = socket.drops();
        const std::uint32_t fresh = now - drops;
        const std::uint32_t untold = fresh > told_by_gaps ? fresh - told_by_gaps : 0;
        drops = now;
        told_by_gaps = 0;
        told_ahead += untold;
        lost += untold;
        return untold;
    }

    /// Packets of the last burst that nobody decided on go their way.
    void settle() {
        if (decided < count && !moot) verdicts.accept(packets[count - 1].id);
        decided = count;
        flush();
    }

    void flush() {
        if (!verdicts.empty() && !verdicts.flush(socket.descriptor())) ++errors;
        pulse->deciding.store(false, std::memory_order_relaxed);
    }

    static_assert(Verdicts::kBurst == kBurst);
    /// Netlink headers and every attribute but the payload, of bridged packets, too: less than 256 bytes.
    static constexpr std::size_t kOverhead = 384;
    static constexpr std::uint32_t kFarAhead = 1U << 30U;

    QueueSocket socket;
    QueueOptions options;
    QueuePulse alone;  // of a queue without guard
    QueuePulse* pulse = options.pulse != nullptr ? options.pulse : &alone;
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
    std::uint32_t length = 0;        // of the queue, as it was set
    std::uint32_t drops = 0;         // of the socket, as of the last look
    std::uint32_t told_by_gaps = 0;  // packets, since the last look
    std::uint32_t told_ahead = 0;    // whose gap is still to come
    std::uint32_t unseen = 0;        // not told yet
    std::uint64_t openings = 0;      // by the guard
    bool moot = false;               // the guard has given all verdicts on what is read now
    bool left = false;
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

void Queue::hold() {
    impl_->set_length(impl_->options.max_length);
}

void Queue::let_pass() {
    impl_->set_length(0);
}

void Queue::leave() {
    impl_->leave();
}

int Queue::descriptor() const {
    return impl_->socket.descriptor();
}

std::span<const QueuedPacket> Queue::receive() {
    Impl& q = *impl_;
    q.settle();
    q.count = 0;
    q.decided = 0;
    q.beat();
    // A burst of nothing but error messages is no reason to stop.
    while (q.count == 0) {
        const std::size_t n = q.read_burst();
        if (n == 0) break;
        for (std::size_t i = 0; i < n; ++i)
            q.take(i);
    }
    if (q.count == 0 && q.moot) q.close_again();
    q.note_burst();
    return {q.packets.data(), q.count};
}

void Queue::dispose(std::size_t i, Disposition disposition) {
    Impl& q = *impl_;
    assert(i == q.decided && i < q.count);
    const QueuedPacket& packet = q.packets[i];
    q.decided = i + 1;
    if (q.moot) return;
    switch (disposition) {
        case Disposition::accept: q.verdicts.accept(packet.id); break;
        case Disposition::mark: q.verdicts.accept_marked(packet.id, packet.mark | q.options.mark); break;
        case Disposition::drop: q.verdicts.drop(packet.id); break;
    }
}

std::uint32_t Queue::take_unseen() {
    impl_->lost += impl_->unseen;
    return std::exchange(impl_->unseen, 0);
}

std::uint32_t Queue::look_for_loss() {
    return take_unseen() + impl_->look_for_loss();
}

std::uint64_t Queue::openings() const {
    return impl_->openings;
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
