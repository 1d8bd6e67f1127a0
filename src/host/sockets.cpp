#include "host/sockets.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <memory>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

namespace finwait::host {
namespace {

using tcp::State;

struct Request {
    nlmsghdr head;
    inet_diag_req_v2 body;
};

SocketError failure(const char* what, int error) {
    std::string message =
        std::string("this machine's own sockets cannot be asked: ") + what + ": " + std::strerror(error);
    if (error == ENOENT || error == EPROTONOSUPPORT) message += ": try modprobe tcp_diag";
    if (error == EPERM) message += ": finwaitd needs CAP_NET_ADMIN";
    return {std::move(message)};
}

/// tcp_need_reset(), net/ipv4/tcp.c.
bool needs_reset(State s) {
    return s == State::established || s == State::close_wait || s == State::fin_wait_1 ||
           s == State::fin_wait_2 || s == State::syn_received;
}

void write(const tcp::Endpoint& end, __be16& port, std::uint32_t (&address)[4]) {
    port = htons(end.port);
    if (end.address.is_v4())
        std::memcpy(address, end.address.v4_bytes().data(), 4);
    else
        std::memcpy(address, end.address.bytes().data(), 16);
}

using Devices = std::unique_ptr<struct if_nameindex, decltype(&if_freenameindex)>;

/// Closed when it goes out of sight.
class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) close(fd_);
    }
    [[nodiscard]] int get() const { return fd_; }

  private:
    int fd_;
};

/// A socket of ours that listens on a free port of 127.0.0.1, and which; 0: there is none.
std::uint16_t listen_somewhere(int fd) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof name;
    auto* const generic = reinterpret_cast<sockaddr*>(&name);
    const bool done =
        bind(fd, generic, size) == 0 && listen(fd, 1) == 0 && getsockname(fd, generic, &size) == 0;
    return done ? ntohs(name.sin_port) : std::uint16_t{0};
}

}  // namespace

Sockets& Sockets::operator=(Sockets&& other) noexcept {
    std::swap(fd_, other.fd_);
    sequence_ = other.sequence_;
    ends_ = other.ends_;
    return *this;
}

Sockets::~Sockets() {
    if (fd_ >= 0) close(fd_);
}

std::variant<Sockets, SocketError> Sockets::open() {
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0) return failure("no netlink socket", errno);
    Sockets self(fd);
    if (auto error = self.try_out()) return std::move(*error);
    return self;
}

/// A kernel without the module answers that there is no such socket, as it would of one that is gone: only
/// one that is there for certain tells the difference.
std::optional<SocketError> Sockets::try_out() {
    const Descriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const std::uint16_t port = listen_somewhere(listener.get());
    if (port == 0) return failure("no socket to try it with", errno);
    const tcp::Endpoint here{*tcp::Address::parse("127.0.0.1"), port};
    const tcp::Endpoint nobody{*tcp::Address::parse("0.0.0.0"), 0};
    const SocketAnswer answer = ask(SOCK_DIAG_BY_FAMILY, here, nobody, {});
    if (answer.error != 0) return failure("it does not find one that is there", answer.error);
    ends_ = ask(SOCK_DESTROY, here, nobody, answer.socket).error == 0;
    return std::nullopt;
}

std::variant<std::optional<Socket>, SocketError> Sockets::find(const tcp::Endpoint& local,
                                                               const tcp::Endpoint& remote) {
    SocketAnswer answer = ask(SOCK_DIAG_BY_FAMILY, local, remote, {});
    const auto missing = [&answer] { return answer.error == ENOENT || answer.listens; };
    if (missing()) {
        // One that is bound to a device is found only by who asks for that device (inet_bound_dev_eq).
        const Devices devices(if_nameindex(), &if_freenameindex);
        if (!devices) return failure("no list of devices", errno);
        for (const auto* device = devices.get(); device->if_index != 0 && missing(); ++device) {
            Socket bound;
            bound.device = device->if_index;
            answer = ask(SOCK_DIAG_BY_FAMILY, local, remote, bound);
        }
    }
    if (missing()) return std::optional<Socket>();
    if (answer.error != 0) return failure("it refuses", answer.error);
    return std::optional(answer.socket);
}

Ended Sockets::end(const tcp::Endpoint& local, const tcp::Endpoint& remote, const Socket& named) {
    if (!ends_ || ask(SOCK_DESTROY, local, remote, named).error != 0) return Ended::no;
    return !named.record && needs_reset(named.state) ? Ended::with_rst : Ended::alone;
}

/// `named` says which device and which cookie; without a cookie, any.
SocketAnswer Sockets::ask(std::uint16_t type, const tcp::Endpoint& local, const tcp::Endpoint& remote,
                          const Socket& named) {
    Request request{};
    request.head.nlmsg_len = sizeof request;
    request.head.nlmsg_type = type;
    // An order is answered only on demand, a question always.
    request.head.nlmsg_flags = NLM_F_REQUEST | (type == SOCK_DESTROY ? NLM_F_ACK : 0);
    request.head.nlmsg_seq = ++sequence_;
    request.body.sdiag_family = local.address.is_v4() ? AF_INET : AF_INET6;
    request.body.sdiag_protocol = IPPROTO_TCP;
    request.body.idiag_states = ~0U;
    inet_diag_sockid& id = request.body.id;
    write(local, id.idiag_sport, id.idiag_src);
    write(remote, id.idiag_dport, id.idiag_dst);
    id.idiag_if = named.device;
    const bool any = named.cookie == decltype(named.cookie){};
    id.idiag_cookie[0] = any ? INET_DIAG_NOCOOKIE : named.cookie[0];
    id.idiag_cookie[1] = any ? INET_DIAG_NOCOOKIE : named.cookie[1];
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    if (sendto(fd_, &request, sizeof request, 0, reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) <
        0)
        return {errno, {}, false};
    return take_answer();
}

/// The kernel has answered before sendto() returns.
SocketAnswer Sockets::take_answer() {
    alignas(nlmsghdr) std::array<char, 4096> room;
    for (;;) {
        sockaddr_nl sender{};
        socklen_t length = sizeof sender;
        const ssize_t n = recvfrom(fd_, room.data(), room.size(), MSG_DONTWAIT,
                                   reinterpret_cast<sockaddr*>(&sender), &length);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return {errno, {}, false};
        if (sender.nl_pid != 0) continue;  // any process may write to our port
        const std::span<const char> message(room.data(), static_cast<std::size_t>(n));
        if (answers(message, sequence_)) return read_answer(message);  // else of a question that was given up
    }
}

}  // namespace finwait::host
