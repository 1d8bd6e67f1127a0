#include "netfilter/verdicts.hpp"

#include <cassert>
#include <cerrno>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>

namespace finwait::netfilter {

void Verdicts::end_run() {
    if (!run_) return;
    run_ = false;
    assert(size_ + kMessage <= buffer_.size());
    nlmsghdr* message = nfq_nlmsg_put(next(), NFQNL_MSG_VERDICT_BATCH, queue_);
    nfq_nlmsg_verdict_put(message, static_cast<int>(run_end_), NF_ACCEPT);
    size_ += message->nlmsg_len;
    last_ = run_end_;
}

void Verdicts::single(std::uint32_t id, int verdict, const std::uint32_t* mark) {
    end_run();
    assert(size_ + kMessage <= buffer_.size());
    nlmsghdr* message = nfq_nlmsg_put(next(), NFQNL_MSG_VERDICT, queue_);
    nfq_nlmsg_verdict_put(message, static_cast<int>(id), verdict);
    if (mark != nullptr) nfq_nlmsg_verdict_put_mark(message, *mark);
    size_ += message->nlmsg_len;
    last_ = id;
}

void Verdicts::accept_marked(std::uint32_t id, std::uint32_t mark) {
    single(id, NF_ACCEPT, &mark);
}

void Verdicts::drop(std::uint32_t id) {
    single(id, NF_DROP, nullptr);
}

bool Verdicts::flush(int socket) {
    end_run();
    if (size_ == 0) return true;
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    // The kernel works on the datagram within this call; only want of memory can keep it from doing so.
    constexpr int kAttempts = 3;
    for (int i = 0; i < kAttempts; ++i) {
        const ssize_t n = sendto(socket, buffer_.data(), size_, MSG_DONTWAIT,
                                 reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
        if (n >= 0) {
            size_ = 0;
            return true;
        }
        if (errno != EINTR && errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM) break;
    }
    // A batch verdict for all of them is owed: a mark may get lost, a packet must not.
    size_ = 0;
    accept(last_);
    return false;
}

}  // namespace finwait::netfilter
