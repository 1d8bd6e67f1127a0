// The bare loop that finwaitd is held against: the same rules, and everything accepted. It is the best that a
// program without tracking can do: one blocking system call that takes whatever waits, up to 64 packets, and
// one that accepts them all by the last one's id. No event loop, no look at the packets. Queue options and
// rules are finwaitd's own, unless a comparison of such choices (suite/queue.py) wants others.
#include "netfilter/queue_socket.hpp"
#include "netfilter/rules.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
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

/// What a queue's reader may choose.
struct Choices {
    std::size_t burst = 64;          // packets received at once, at most
    std::uint32_t copy_range = 120;  // bytes of each
    std::uint32_t spin = 0;          // microseconds of asking again before it sleeps
    bool each = false;               // a verdict for every packet instead of one for the burst
};
constexpr std::size_t kMessageOverhead = 400;

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

/// Whatever waits; sleeps until something does.
int receive(int fd, std::span<mmsghdr> room, const Choices& choices) {
    using Clock = std::chrono::steady_clock;
    const auto count = static_cast<unsigned>(room.size());
    if (choices.spin > 0) {
        const auto end = Clock::now() + std::chrono::microseconds(choices.spin);
        do {
            const int n = recvmmsg(fd, room.data(), count, MSG_DONTWAIT, nullptr);
            if (n > 0) return n;
        } while (Clock::now() < end);
    }
    return recvmmsg(fd, room.data(), count, MSG_WAITFORONE, nullptr);
}

[[noreturn]] void accept_all(const netfilter::QueueSocket& socket, std::uint16_t number,
                             const Choices& choices) {
    const int fd = socket.descriptor();
    const timeval for_ever{};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &for_ever, sizeof for_ever);
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    connect(fd, reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel);
    BatchAccept accept(number);
    const std::size_t message = choices.copy_range + kMessageOverhead;
    std::vector<char> buffer(choices.burst * message);
    std::vector<iovec> vectors(choices.burst);
    std::vector<mmsghdr> headers(choices.burst);
    for (std::size_t i = 0; i < choices.burst; ++i) {
        vectors[i] = {&buffer[i * message], message};
        headers[i].msg_hdr.msg_iov = &vectors[i];
        headers[i].msg_hdr.msg_iovlen = 1;
    }
    for (;;) {
        const int n = receive(fd, headers, choices);
        for (int k = 0; k < n; ++k) {
            const int i = choices.each ? k : n - 1 - k;
            if (!id_of(&buffer[static_cast<std::size_t>(i) * message], accept.verdict.id)) continue;
            (void)send(fd, &accept, sizeof accept, 0);
            if (!choices.each) break;
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
    Choices choices;
    app.add_option("--burst", choices.burst)->check(CLI::Range(1, 1024));
    app.add_option("--copy", choices.copy_range)->check(CLI::Range(40, 65535));
    app.add_option("--spin", choices.spin);
    app.add_flag("--each", choices.each);
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
        options.copy_range = choices.copy_range;
        auto opened = netfilter::QueueSocket::open(options);
        if (const auto* error = std::get_if<netfilter::QueueError>(&opened)) return fail(error->message);
        sockets.push_back(std::get<netfilter::QueueSocket>(std::move(opened)));
    }
    std::vector<std::string> notes;
    netfilter::RuleError error;
    auto rules = netfilter::InstalledRules::install(plan, config::Backend::automatic, notes, error);
    if (!rules) return fail(error.message);
    for (std::uint16_t number = 0; number < queues; ++number) {
        sockets[number].set_length(number, netfilter::QueueOptions().max_length);
        std::thread([&socket = sockets[number], number, &choices] {
            accept_all(socket, number, choices);
        }).detach();
    }
    std::puts("ready");
    std::fflush(stdout);

    int signal = 0;
    sigwait(&ends, &signal);
    for (std::uint16_t number = 0; number < queues; ++number)
        sockets[number].set_length(number, 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // what is queued gets its verdict
    rules->remove();
    std::_Exit(0);
}
