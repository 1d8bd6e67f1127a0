#include "load/tap.hpp"

#include <arpa/inet.h>
#include <cstring>
#include <ctime>
#include <net/if.h>
#include <sys/socket.h>
#include <vector>

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

namespace finwait::bench {
namespace {

constexpr std::size_t kBurst = 64;
constexpr std::size_t kBytes = 128;  // of each packet

template<typename Value>
void set(int fd, int level, int option, const Value& value, const char* what) {
    require(setsockopt(fd, level, option, &value, sizeof value) == 0, what);
}

/// Classic BPF, as the manual page of socket(7) has it: incoming, and from these sources.
void keep_only(int fd, Network sources) {
    std::vector<sock_filter> program{
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 3, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 12),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, sources.mask),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, sources.address, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, kBytes),
    };
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    set(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter, "a tap's filter");
}

std::int64_t time_of(msghdr& header) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPNS) continue;
        timespec at{};
        std::memcpy(&at, CMSG_DATA(c), sizeof at);
        return at.tv_sec * 1'000'000'000 + at.tv_nsec;
    }
    return 0;
}

}  // namespace

std::int64_t realtime() {
    timespec at{};
    clock_gettime(CLOCK_REALTIME, &at);
    return at.tv_sec * 1'000'000'000 + at.tv_nsec;
}

void sleep_until(std::int64_t when) {
    const std::int64_t left = when - realtime();
    if (left <= 0) return;
    const timespec t{left / 1'000'000'000, left % 1'000'000'000};
    nanosleep(&t, nullptr);
}

Tap::Tap(const std::string& interface, Network sources, unsigned megabytes)
    : socket_(socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    const int fd = socket_.get();
    require(fd >= 0, "a packet socket");
    set(fd, SOL_SOCKET, SO_RCVBUFFORCE, static_cast<int>(megabytes << 20U), "a tap's buffer");
    set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1, "a tap's time stamps");
    keep_only(fd, sources);
    sockaddr_ll where{};
    where.sll_family = AF_PACKET;
    where.sll_protocol = htons(ETH_P_ALL);
    where.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
    require(bind(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0, "a tap on " + interface);
}

void Tap::read(const std::function<void(std::span<const std::uint8_t>, std::int64_t)>& take) {
    struct Slot {
        std::array<std::uint8_t, kBytes> bytes;
        alignas(cmsghdr) std::array<char, 64> control;
    };
    static thread_local std::array<Slot, kBurst> slots;
    std::array<iovec, kBurst> vectors{};
    std::array<mmsghdr, kBurst> headers{};
    for (;;) {
        for (std::size_t i = 0; i < kBurst; ++i) {
            vectors[i] = {slots[i].bytes.data(), kBytes};
            headers[i].msg_hdr = {};
            headers[i].msg_hdr.msg_iov = &vectors[i];
            headers[i].msg_hdr.msg_iovlen = 1;
            headers[i].msg_hdr.msg_control = slots[i].control.data();
            headers[i].msg_hdr.msg_controllen = slots[i].control.size();
        }
        const int n = recvmmsg(socket_.get(), headers.data(), kBurst, MSG_DONTWAIT, nullptr);
        if (n <= 0) return;
        for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i)
            take(std::span<const std::uint8_t>(slots[i].bytes).first(headers[i].msg_len),
                 time_of(headers[i].msg_hdr));
    }
}

std::uint32_t Tap::lost() {
    tpacket_stats counts{};
    socklen_t size = sizeof counts;
    require(getsockopt(socket_.get(), SOL_PACKET, PACKET_STATISTICS, &counts, &size) == 0,
            "a tap's counters");
    return counts.tp_drops;
}

}  // namespace finwait::bench
