// flood: forged TCP segments over IPv4 with right checksums, as fast as one thread can send them, by a packet
// socket on an interface of the namespace that it is started in. Every field that is not given is random in
// each packet.
//
//   flood --interface IF --via MAC --destination ADDRESS:PORT [--flags 0x02] [--fragment 0x2000]
//   flood --interface IF --via MAC --known [--flags 0x11] < FLOWS
//
// FLOWS: one a line, as "SOURCE PORT DESTINATION PORT [SEQ ACK]", all numbers decimal; a line without SEQ and
// ACK gets guessed ones. Stops at SIGTERM, or after --seconds, and prints a line of JSON: how much was sent
// in which time.
#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <net/if.h>
#include <optional>
#include <sstream>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBurst = 64;
constexpr std::uint32_t kSources = 0xC6120000;  // 198.18.0.0/15, which nobody has (RFC 2544)
constexpr std::uint32_t kSourcesMask = 0x0001FFFF;

volatile std::sig_atomic_t stopped = 0;

struct Flow {
    std::uint32_t source = 0, destination = 0;
    std::uint16_t source_port = 0, destination_port = 0;
    std::optional<std::array<std::uint32_t, 2>> numbers;  // sequence, acknowledgment
};

struct Plan {
    std::string interface, via, destination;
    bool known = false;
    std::vector<unsigned> flags = {0x02};
    unsigned fragment = 0;
    double seconds = 3600, per_second = 0;
    std::vector<Flow> flows;
};

void require(bool good, const std::string& what) {
    if (good) return;
    std::fprintf(stderr, "flood: %s: %s\n", what.c_str(), std::strerror(errno));
    std::exit(1);
}

std::uint32_t address(const std::string& text) {
    in_addr a{};
    require(inet_pton(AF_INET, text.c_str(), &a) == 1, "no IPv4 address: " + text);
    return ntohl(a.s_addr);
}

std::array<std::uint8_t, 6> mac(const std::string& text) {
    std::array<std::uint8_t, 6> bytes{};
    std::istringstream in(text);
    std::string part;
    for (std::uint8_t& byte : bytes) {
        std::getline(in, part, ':');
        byte = static_cast<std::uint8_t>(std::stoul(part, nullptr, 16));
    }
    return bytes;
}

std::vector<Flow> read_flows() {
    std::vector<Flow> flows;
    for (std::string line; std::getline(std::cin, line);) {
        std::istringstream in(line);
        std::string source, destination;
        Flow f;
        in >> source >> f.source_port >> destination >> f.destination_port;
        require(!in.fail(), "no flow: " + line);
        f.source = address(source);
        f.destination = address(destination);
        std::array<std::uint32_t, 2> numbers{};
        if (in >> numbers[0] >> numbers[1]) f.numbers = numbers;
        flows.push_back(f);
    }
    return flows;
}

/// Ethernet, IPv4, TCP.
using Frame = std::array<std::uint8_t, 14 + 20 + 20>;

class Writer {
  public:
    explicit Writer(std::uint8_t* at) : at_(at) {}
    Writer& u16(std::uint32_t v) {
        *at_++ = static_cast<std::uint8_t>(v >> 8U);
        *at_++ = static_cast<std::uint8_t>(v);
        return *this;
    }
    Writer& u32(std::uint32_t v) { return u16(v >> 16U).u16(v & 0xFFFFU); }

  private:
    std::uint8_t* at_;
};

std::uint32_t sum_of(const std::uint8_t* from, std::size_t bytes) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < bytes; i += 2)
        sum += std::uint32_t{from[i]} << 8U | from[i + 1];
    return sum;
}

std::uint32_t folded(std::uint32_t sum) {
    while (sum > 0xFFFF)
        sum = (sum >> 16U) + (sum & 0xFFFFU);
    return ~sum & 0xFFFFU;
}

class Flood {
  public:
    explicit Flood(Plan plan) : plan_(std::move(plan)), wire_(socket(AF_PACKET, SOCK_RAW, 0)) {
        require(wire_ >= 0, "a packet socket");
        const int on = 1;
        require(setsockopt(wire_, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) == 0,
                "PACKET_QDISC_BYPASS");
        sockaddr_ll where{};
        where.sll_family = AF_PACKET;
        where.sll_ifindex = static_cast<int>(if_nametoindex(plan_.interface.c_str()));
        require(where.sll_ifindex != 0 &&
                    bind(wire_, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0,
                plan_.interface);
        const auto via = mac(plan_.via);
        for (std::size_t i = 0; i < kBurst; ++i) {
            std::copy(via.begin(), via.end(), frames_[i].begin());
            frames_[i][6] = 2;  // a source of our own
            Writer(&frames_[i][12]).u16(ETH_P_IP);
            vectors_[i] = {frames_[i].data(), frames_[i].size()};
            headers_[i].msg_hdr.msg_iov = &vectors_[i];
            headers_[i].msg_hdr.msg_iovlen = 1;
        }
        if (!plan_.known) {
            const std::size_t colon = plan_.destination.rfind(':');
            require(colon != std::string::npos, "no ADDRESS:PORT: " + plan_.destination);
            target_.destination = address(plan_.destination.substr(0, colon));
            target_.destination_port =
                static_cast<std::uint16_t>(std::stoul(plan_.destination.substr(colon + 1)));
        }
    }

    void run() {
        const auto begun = Clock::now();
        const auto since = [&] { return std::chrono::duration<double>(Clock::now() - begun).count(); };
        while (stopped == 0 && since() < plan_.seconds) {
            for (Frame& frame : frames_)
                write(next(), frame);
            send();
            if (plan_.per_second > 0)
                std::this_thread::sleep_until(
                    begun + std::chrono::duration<double>(static_cast<double>(sent_) / plan_.per_second));
        }
        std::printf("{\"sent\": %llu, \"seconds\": %.3f}\n", sent_, since());
    }

  private:
    std::uint32_t random() {
        random_ ^= random_ << 13U;
        random_ ^= random_ >> 7U;
        random_ ^= random_ << 17U;
        return static_cast<std::uint32_t>(random_ >> 32U);
    }

    Flow next() {
        if (plan_.known) return plan_.flows[at_++ % plan_.flows.size()];
        Flow f = target_;
        f.source = kSources | (random() & kSourcesMask);
        f.source_port = static_cast<std::uint16_t>(1024 + random() % 64'000);
        return f;
    }

    void write(const Flow& flow, Frame& frame) {
        std::uint8_t* const ip = &frame[14];
        std::uint8_t* const tcp = ip + 20;
        Writer(ip)
            .u16(0x4500)
            .u16(40)
            .u16(random())
            .u16(plan_.fragment)
            .u16(0x4006)
            .u16(0)
            .u32(flow.source)
            .u32(flow.destination);
        Writer(ip + 10).u16(folded(sum_of(ip, 20)));
        const auto numbers = flow.numbers.value_or(std::array{random(), random()});
        // A flow gets all the flags in turn.
        const unsigned flags =
            plan_.flags[at_ / std::max<std::size_t>(plan_.flows.size(), 1) % plan_.flags.size()];
        if (!plan_.known) ++at_;
        Writer(tcp).u16(flow.source_port).u16(flow.destination_port).u32(numbers[0]).u32(numbers[1]);
        Writer(tcp + 12).u16(0x5000 | flags).u16(8192).u16(0).u16(0);
        constexpr std::uint32_t kPseudo = 6 + 20;
        Writer(tcp + 16).u16(folded(sum_of(ip + 12, 8 + 20) + kPseudo));
    }

    void send() {
        for (std::size_t done = 0; done < kBurst;) {
            const int n = sendmmsg(wire_, &headers_[done], static_cast<unsigned>(kBurst - done), 0);
            if (n < 0 && errno == EINTR && stopped != 0) return;
            require(n > 0 || errno == EINTR || errno == ENOBUFS, "sending");
            if (n > 0) done += static_cast<std::size_t>(n);
        }
        sent_ += kBurst;
    }

    Plan plan_;
    int wire_;
    Flow target_;
    std::array<Frame, kBurst> frames_{};
    std::array<iovec, kBurst> vectors_{};
    std::array<mmsghdr, kBurst> headers_{};
    std::size_t at_ = 0;
    std::uint64_t random_ = 88172645463325252U;
    unsigned long long sent_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Forged TCP segments, as many as one thread can send");
    Plan plan;
    app.add_option("--interface", plan.interface)->required();
    app.add_option("--via", plan.via, "the hardware address to send them to")->required();
    app.add_option("--destination", plan.destination, "ADDRESS:PORT");
    app.add_flag("--known", plan.known, "flows come by standard input");
    app.add_option("--flags", plan.flags, "TCP flags, in turn");
    app.add_option("--fragment", plan.fragment, "IPv4's flags and fragment offset");
    app.add_option("--seconds", plan.seconds);
    app.add_option("--per-second", plan.per_second);
    CLI11_PARSE(app, argc, argv);
    if (plan.known) {
        plan.flows = read_flows();
        require(!plan.flows.empty(), "no flows");
    }
    std::signal(SIGTERM, [](int) { stopped = 1; });
    Flood(std::move(plan)).run();
}
