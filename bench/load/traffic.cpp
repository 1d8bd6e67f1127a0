#include "load/traffic.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <net/if.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

namespace finwait::bench {
namespace {

/// On their way at once; far below what a queue of 65 536 holds, far above what a burst does.
constexpr std::uint64_t kWindow = 4096;
/// What has not arrived after so long will not.
constexpr std::int64_t kPatience = 50'000'000;
constexpr std::int64_t kWarmUp = 300'000'000;
constexpr std::int64_t kSample = 20'000'000;
/// Flows whose handshakes are under way at once.
constexpr std::uint32_t kChunk = 2048;

void nap(std::int64_t nanoseconds) {
    const timespec t{0, nanoseconds};
    nanosleep(&t, nullptr);
}

Descriptor wire(const std::string& interface) {
    Descriptor fd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    require(fd.get() >= 0, "a packet socket");
    const int on = 1;
    require(setsockopt(fd.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) == 0,
            "PACKET_QDISC_BYPASS");
    sockaddr_ll where{};
    where.sll_family = AF_PACKET;
    where.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
    require(where.sll_ifindex != 0, interface);
    require(bind(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0, interface);
    return fd;
}

constexpr std::array kRoles{From::client, From::server};
constexpr std::size_t index(From from) {
    return static_cast<std::size_t>(from);
}

}  // namespace

Arrivals::Arrivals(const Ends& ends) : label_(ends.interface + ":") {
    for (const From role : kRoles) {
        const Entered there(ends.namespaces[index(role)]);
        counters_[index(role)] = Descriptor(open("/proc/thread-self/net/dev", O_RDONLY | O_CLOEXEC));
        require(counters_[index(role)].get() >= 0, "/proc/net/dev");
    }
}

std::uint64_t Arrivals::count() const {
    std::uint64_t sum = 0;
    for (const Descriptor& counter : counters_) {
        std::array<char, 4096> text{};
        const ssize_t n = pread(counter.get(), text.data(), text.size() - 1, 0);
        require(n > 0, "/proc/net/dev");
        const char* at = std::strstr(text.data(), label_.c_str());
        if (at == nullptr) continue;
        char* end = nullptr;
        (void)std::strtoull(at + label_.size(), &end, 10);  // bytes, then packets
        sum += std::strtoull(end, nullptr, 10);
    }
    return sum;
}

Traffic::Traffic(const Ends& ends, Crafted flows) : ends_(ends), flows_(std::move(flows)), arrivals_(ends) {
    prctl(PR_SET_TIMERSLACK, 1);
    for (const From role : kRoles) {
        const Entered there(ends.namespaces[index(role)]);
        wires_[index(role)] = wire(ends.interface);
    }
    arrived_before_ = arrivals_.count();
}

void Traffic::send_burst(From from) {
    std::array<iovec, kBurst> vectors{};
    std::array<mmsghdr, kBurst> headers{};
    for (std::uint32_t i = 0; i < filled_; ++i) {
        vectors[i] = {frames_[i].bytes.data(), frames_[i].size};
        headers[i].msg_hdr.msg_iov = &vectors[i];
        headers[i].msg_hdr.msg_iovlen = 1;
    }
    for (std::uint32_t done = 0; done < filled_;) {
        const int n = sendmmsg(wires_[index(from)].get(), &headers[done], filled_ - done, 0);
        require(n > 0 || errno == EINTR || errno == ENOBUFS, "sending");
        if (n > 0) done += static_cast<std::uint32_t>(n);
    }
    sent_ += filled_;
    filled_ = 0;
}

void Traffic::add(From from, std::uint32_t flow, Step step, std::uint64_t note) {
    flows_.next(flow, from, step, note, frames_[filled_]);
    if (++filled_ == kBurst) send_burst(from);
}

std::uint32_t Traffic::pick(Order order) {
    if (order == Order::sequential) return at_ = at_ + 1 < flows_.flows() ? at_ + 1 : 0;
    random_ ^= random_ << 13U;
    random_ ^= random_ >> 7U;
    random_ ^= random_ << 17U;
    return static_cast<std::uint32_t>((random_ >> 32U) * flows_.flows() >> 32U);
}

void Traffic::settle(std::uint64_t limit) {
    std::uint64_t arrived = arrivals_.count();
    std::int64_t since = realtime();
    for (;;) {
        const std::uint64_t accounted = arrived - arrived_before_ + lost_;
        // Neighbour discovery arrives too; nothing can be on its way that was not sent.
        const std::uint64_t under_way = accounted < sent_ ? sent_ - accounted : 0;
        if (under_way <= limit) return;
        nap(20'000);
        const std::uint64_t now = arrivals_.count();
        if (now != arrived) {
            arrived = now;
            since = realtime();
        } else if (realtime() - since > kPatience) {
            lost_ += under_way;
            return;
        }
    }
}

void Traffic::step_all(std::uint32_t first, std::uint32_t last, From from, Step step) {
    for (std::uint32_t flow = first; flow < last; ++flow)
        add(from, flow, step, 0);
    send_burst(from);
    settle(0);
}

std::uint64_t Traffic::open(std::uint32_t flows, bool silently) {
    std::uint32_t first = flows_.flows();
    const std::uint64_t lost_before = lost_;
    flows_.resize(flows);
    // conntrack must have seen one step of a handshake before the next comes.
    for (; !silently && first < flows; first = std::min(first + kChunk, flows)) {
        const std::uint32_t last = std::min(first + kChunk, flows);
        step_all(first, last, From::client, Step::syn);
        step_all(first, last, From::server, Step::syn_ack);
        step_all(first, last, From::client, Step::ack);
    }
    return lost_ - lost_before;
}

RateResult Traffic::rate(double seconds, Order order) {
    RateResult result;
    settle(0);
    const std::uint64_t sent_before = sent_, lost_before = lost_;
    const std::int64_t warm = realtime() + kWarmUp;
    const std::int64_t end = warm + static_cast<std::int64_t>(seconds * 1e9);
    std::int64_t sample = warm;
    for (;;) {
        std::array<std::uint32_t, kBurst> burst;
        for (std::uint32_t& flow : burst)
            flow = pick(order);
        for (const From from : kRoles)
            for (const std::uint32_t flow : burst)
                add(from, flow, Step::data, 0);
        settle(kWindow);
        const std::int64_t now = realtime();
        if (now < sample) continue;
        result.samples.push_back({now, arrivals_.count() - arrived_before_});
        sample = now + kSample;
        if (now >= end) break;
    }
    settle(0);
    result.sent = sent_ - sent_before;
    result.lost = lost_ - lost_before;
    return result;
}

LatencyResult Traffic::latency(double seconds, double per_second) {
    LatencyResult result;
    settle(0);
    const Entered there(ends_.namespaces[index(From::server)]);
    Tap tap(ends_.interface, {}, 64);
    std::vector<std::int64_t> sent_at;
    sent_at.reserve(static_cast<std::size_t>(seconds * per_second) + 1);
    constexpr std::size_t kTail = Crafted::kData;
    const auto read = [&] {
        tap.read([&](std::span<const std::uint8_t> packet, std::int64_t at) {
            if (packet.size() < kTail) return;
            std::uint64_t number = 0;
            std::memcpy(&number, packet.last(kTail).data(), sizeof number);
            if (number - 1 < sent_at.size()) result.nanoseconds.push_back(at - sent_at[number - 1]);
        });
    };
    timespec next{};
    clock_gettime(CLOCK_MONOTONIC, &next);
    const auto gap = static_cast<long>(1e9 / per_second);
    const std::int64_t end = realtime() + static_cast<std::int64_t>(seconds * 1e9);
    while (realtime() < end) {
        next.tv_nsec += gap;
        next.tv_sec += next.tv_nsec / 1'000'000'000;
        next.tv_nsec %= 1'000'000'000;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, nullptr);
        sent_at.push_back(realtime());
        add(From::client, pick(Order::random), Step::data, sent_at.size());
        send_burst(From::client);
        read();
    }
    settle(0);
    nap(10'000'000);
    read();
    result.sent = sent_at.size();
    return result;
}

}  // namespace finwait::bench
