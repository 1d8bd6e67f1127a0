// The bare loop that finwaitd is held against: the same rules, and everything accepted. It is the best that a
// program without tracking can do: one blocking system call that takes whatever waits, up to 64 packets, and
// one that accepts them all by the last one's id. No event loop, no look at the packets. Queue options and
// rules are finwaitd's own.
#include "netfilter/queue_socket.hpp"
#include "netfilter/rules.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>

namespace {

using namespace finwait;

constexpr std::size_t kBurst = 64;
constexpr std::size_t kMessage = 512;

/// NFQNL_MSG_VERDICT_BATCH: accepts this packet and all earlier ones.
struct BatchAccept {
    nlmsghdr head{};
    nfgenmsg queue{};
    nlattr attribute{};
    nfqnl_msg_verdict_hdr verdict{};

    explicit BatchAccept(std::uint16_t number) {
        head.nlmsg_len = sizeof *this;
        head.nlmsg_type = NFNL_SUBSYS_QUEUE << 8U | NFQNL_MSG_VERDICT_BATCH;
        head.nlmsg_flags = NLM_F_REQUEST;
        queue.version = NFNETLINK_V0;
        queue.res_id = htons(number);
        attribute.nla_len = sizeof attribute + sizeof verdict;
        attribute.nla_type = NFQA_VERDICT_HDR;
        verdict.verdict = htonl(NF_ACCEPT);
    }
};
static_assert(sizeof(BatchAccept) == sizeof(nlmsghdr) + sizeof(nfgenmsg) + sizeof(nlattr) + 8);

/// The id of a packet as it stands in its message; its header is the first attribute. False when it is no
/// packet.
bool id_of(const char* message, std::uint32_t& id) {
    nlmsghdr head{};
    nlattr first{};
    std::memcpy(&head, message, sizeof head);
    std::memcpy(&first, message + sizeof head + sizeof(nfgenmsg), sizeof first);
    if (head.nlmsg_type != (NFNL_SUBSYS_QUEUE << 8U | NFQNL_MSG_PACKET) || first.nla_type != NFQA_PACKET_HDR)
        return false;
    std::memcpy(&id, message + sizeof head + sizeof(nfgenmsg) + sizeof first, sizeof id);
    return true;
}

[[noreturn]] void accept_all(const netfilter::QueueSocket& socket, std::uint16_t number) {
    const int fd = socket.descriptor();
    const timeval for_ever{};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &for_ever, sizeof for_ever);
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    connect(fd, reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
    BatchAccept accept(number);
    std::vector<char> buffer(kBurst * kMessage);
    std::array<iovec, kBurst> vectors{};
    std::array<mmsghdr, kBurst> headers{};
    for (std::size_t i = 0; i < kBurst; ++i) {
        vectors[i] = {&buffer[i * kMessage], kMessage};
        headers[i].msg_hdr.msg_iov = &vectors[i];
        headers[i].msg_hdr.msg_iovlen = 1;
    }
    for (;;) {
        const int n = recvmmsg(fd, headers.data(), kBurst, MSG_WAITFORONE, nullptr);
        for (int i = n - 1; i >= 0; --i) {
            if (!id_of(&buffer[static_cast<std::size_t>(i) * kMessage], accept.verdict.id)) continue;
            (void)send(fd, &accept, sizeof accept, 0);
            break;
        }
    }
}

int fail(const std::string& message) {
    std::fprintf(stderr, "floor: %s\n", message.c_str());
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Accepts all that finwaitd's rules hand over; ends at SIGTERM");
    std::string packets = "all";
    std::uint16_t queues = 1;
    app.add_option("--packets", packets)->check(CLI::IsMember({"all", "selective"}));
    app.add_option("--queues", queues);
    CLI11_PARSE(app, argc, argv);

    sigset_t ends;
    sigemptyset(&ends);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP})
        sigaddset(&ends, signal);
    pthread_sigmask(SIG_BLOCK, &ends, nullptr);

    netfilter::RulePlan plan;
    plan.packets = packets == "all" ? config::Packets::all : config::Packets::selective;
    plan.queues = queues;
    std::vector<netfilter::QueueSocket> sockets;
    for (std::uint16_t number = 0; number < queues; ++number) {
        netfilter::QueueOptions options;
        options.number = number;
        auto opened = netfilter::QueueSocket::open(options);
        if (const auto* error = std::get_if<netfilter::QueueError>(&opened)) return fail(error->message);
        sockets.push_back(std::get<netfilter::QueueSocket>(std::move(opened)));
    }
    std::vector<std::string> notes;
    netfilter::RuleError error;
    auto rules = netfilter::InstalledRules::install(plan, config::Backend::automatic, notes, error);
    if (!rules) return fail(error.message);
    for (std::uint16_t number = 0; number < queues; ++number)
        std::thread([&socket = sockets[number], number] { accept_all(socket, number); }).detach();
    std::puts("ready");
    std::fflush(stdout);

    int signal = 0;
    sigwait(&ends, &signal);
    rules->silence();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // what is queued gets its verdict
    rules->remove();
    std::_Exit(0);
}
