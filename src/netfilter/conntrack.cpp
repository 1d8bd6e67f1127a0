#include "netfilter/conntrack.hpp"

#include "netfilter/conntrack_message.hpp"
#include "netfilter/datagram.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/netlink.h>

namespace finwait::netfilter {
namespace {

/// The kernel fills no more than this into one piece of a dump (netlink_dump, net/netlink/af_netlink.c).
constexpr std::size_t kPiece = 32768;
using Room = std::array<char, kPiece>;

ConntrackError failure(const char* what, int error) {
    std::string message = std::string("conntrack cannot be asked: ") + what + ": " + std::strerror(error);
    if (error == EPERM) message += ": finwaitd needs CAP_NET_ADMIN";
    if (error == EINVAL || error == EOPNOTSUPP || error == EPROTONOSUPPORT)
        message += ": try modprobe nf_conntrack_netlink";
    return {std::move(message)};
}

/// What has been read into a room.
std::span<const char> filled(const Room& room, ssize_t size) {
    return std::span(room).first(static_cast<std::size_t>(size));
}

ssize_t receive(int fd, Room& room, int flags) {
    for (;;) {
        sockaddr_nl sender{};
        socklen_t length = sizeof sender;
        const ssize_t n =
            recvfrom(fd, room.data(), room.size(), flags, reinterpret_cast<sockaddr*>(&sender), &length);
        if (n < 0 && errno == EINTR) continue;
        if (n >= 0 && sender.nl_pid != 0) continue;  // any process may write to our port
        return n;
    }
}

}  // namespace

Conntrack::~Conntrack() {
    if (fd_ >= 0) close(fd_);
}

std::variant<Conntrack, ConntrackError> Conntrack::open() {
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    if (fd < 0) return failure("no netlink socket", errno);
    Conntrack self(fd);
    sockaddr_nl any{};
    any.nl_family = AF_NETLINK;
    if (bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0)
        return failure("no netlink address", errno);
    const timeval patience{5, 0};  // for search(); find() does not wait
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return self;
}

bool Conntrack::send(std::span<const char> message) const {
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    return sendto(fd_, message.data(), message.size(), 0, reinterpret_cast<const sockaddr*>(&kernel),
                  sizeof kernel) >= 0;
}

std::variant<std::optional<Translation>, ConntrackError> Conntrack::find(const tcp::Endpoint& a,
                                                                         const tcp::Endpoint& b) {
    // The kernel looks among the original and the reply tuples. Whoever opened the connection, one of the two
    // ways is an original tuple if its destination is not translated, and the other a reply if its source is
    // not.
    for (const auto& [from, to] : {std::pair(&a, &b), std::pair(&b, &a)}) {
        auto answer = get(*from, *to);
        const auto* found = std::get_if<std::optional<Translation>>(&answer);
        if (found == nullptr) return answer;
        // The same tuple may be another connection's: of one that goes elsewhere by DNAT.
        if (*found && (*found)->between(a, b)) return answer;
    }
    return std::optional<Translation>();
}

/// `take` has the answer to the request that was sent last. The kernel has answered before sendto() returns;
/// an answer of an earlier request that was given up may lie before it.
template<typename Take>
std::optional<ConntrackError> Conntrack::ask(std::span<const char> request, Take take) {
    if (!send(request)) return failure("it does not take a request", errno);
    alignas(nlmsghdr) Room room;
    for (;;) {
        const ssize_t n = receive(fd_, room, MSG_DONTWAIT);
        if (n < 0) return failure("no answer", errno);
        const bool answered = each_message(filled(room, n), [&](const nlmsghdr& message) {
            if (message.nlmsg_seq != sequence_) return false;
            take(message);
            return true;
        });
        if (answered) return std::nullopt;
    }
}

std::variant<std::optional<Translation>, ConntrackError> Conntrack::get(const tcp::Endpoint& from,
                                                                        const tcp::Endpoint& to) {
    ConntrackRequest request{};
    std::optional<Translation> found;
    std::optional<int> refusal;
    const auto problem = ask(write_get(request, ++sequence_, from, to), [&](const nlmsghdr& message) {
        refusal = read_error(message);
        if (!refusal) found = read_translation(message);
    });
    if (problem) return *problem;
    if (refusal && *refusal != ENOENT) return failure("it refuses", *refusal);
    return found;
}

std::variant<std::optional<Translation>, ConntrackError> Conntrack::look(const Translation& connection) {
    auto answer = get(connection.opener.own, connection.answerer.shown);
    const auto* found = std::get_if<std::optional<Translation>>(&answer);
    if (found == nullptr || !*found) return answer;
    // Once an entry is gone, whichever side speaks first is the opener of the next one.
    const bool turned = (*found)->opener == connection.answerer && (*found)->answerer == connection.opener;
    if (!turned && **found != connection) return std::optional<Translation>();
    return answer;
}

bool Conntrack::empty() {
    ConntrackRequest request{};
    std::optional<std::uint32_t> entries;
    const auto problem = ask(write_count(request, ++sequence_),
                             [&](const nlmsghdr& message) { entries = read_count(message); });
    return !problem && entries == 0U;
}

std::optional<ConntrackError> Conntrack::begin_dump(std::span<const char> request) {
    if (!send(request)) return failure("it does not take a request", errno);
    dumping_ = true;
    interrupted_ = false;
    return std::nullopt;
}

/// `take` has a message, and returns false when it wants no more.
template<typename Take>
std::optional<ConntrackError> Conntrack::read_piece(Take take) {
    alignas(nlmsghdr) Room room;
    const ssize_t n = receive(fd_, room, 0);
    if (n < 0) return failure("no answer", errno);
    std::optional<ConntrackError> problem;
    dumping_ = !each_message(filled(room, n), [&](const nlmsghdr& message) {
        if (message.nlmsg_seq != sequence_) return false;
        if (const auto error = read_error(message)) {
            problem = failure("it refuses", *error);
            return true;
        }
        if ((message.nlmsg_flags & NLM_F_DUMP_INTR) != 0) interrupted_ = true;
        if (message.nlmsg_type == NLMSG_DONE) {
            if (const int error = read_result(message); error > 0)
                problem = failure("the dump broke off", error);
            return true;
        }
        return !take(message);
    });
    return problem;
}

template<typename Take>
std::optional<ConntrackError> Conntrack::dump(std::span<const char> request, Take take) {
    if (auto problem = begin_dump(request)) return problem;
    while (dumping_)
        if (auto problem = read_piece(take)) return problem;
    // The table was changed in a way that may have hidden entries: finding nothing would prove nothing.
    if (interrupted_) return failure("the dump broke off", EINTR);
    return std::nullopt;
}

std::optional<ConntrackError> Conntrack::search(Wanted& wanted) {
    ConntrackRequest request{};
    return dump(write_dump(request, ++sequence_), [&wanted](const nlmsghdr& message) {
        const auto translation = read_translation(message);
        if (!translation) return true;
        const auto at = wanted.find(std::minmax(translation->opener.own, translation->answerer.own));
        if (at == wanted.end()) return true;
        const bool another = at->second && at->second->entry != translation->entry;
        at->second = translation;
        at->second->shared = another;
        return true;
    });
}

std::optional<ConntrackError> Conntrack::list(std::uint32_t mark,
                                              const std::function<bool(const Tracked&)>& take) {
    ConntrackRequest request{};
    return dump(write_dump_all(request, ++sequence_, mark), [&take](const nlmsghdr& message) {
        const auto entry = read_tracked(message);
        return !entry || take(*entry);
    });
}

std::optional<ConntrackError> Conntrack::begin_dump() {
    ConntrackRequest request{};
    return begin_dump(write_dump_all(request, ++sequence_, 0));
}

std::variant<std::vector<Tracked>, ConntrackError> Conntrack::next_piece() {
    std::vector<Tracked> piece;
    while (piece.empty() && dumping_) {
        const auto problem = read_piece([&piece](const nlmsghdr& message) {
            if (const auto entry = read_tracked(message)) piece.push_back(*entry);
            return true;
        });
        if (problem) return *problem;
    }
    return piece;
}

void Conntrack::give_time(const Translation& connection, std::chrono::seconds time) {
    ConntrackRequest request{};
    if (send(write_timeout(request, ++sequence_, connection, time))) drain();
}

void Conntrack::keep_half_closed(const Translation& connection, std::chrono::seconds time) {
    ConntrackRequest request{};
    if (send(write_half_closed(request, ++sequence_, connection, time))) drain();
}

void Conntrack::remove(const Translation& connection) {
    ConntrackRequest request{};
    if (send(write_removal(request, ++sequence_, connection))) drain();
}

std::optional<ConntrackError> Conntrack::mark(const Translation& connection, std::uint32_t mask) {
    ConntrackRequest request{};
    std::optional<int> result;
    const auto problem = ask(write_mark(request, ++sequence_, connection, mask),
                             [&](const nlmsghdr& message) { result = read_error(message); });
    if (problem) return problem;
    if (result && *result != 0) return failure("it refuses", *result);
    return std::nullopt;
}

/// What is not asked for must not fill the buffer.
void Conntrack::drain() const {
    alignas(nlmsghdr) Room room;
    while (receive(fd_, room, MSG_DONTWAIT) > 0) {
    }
}

}  // namespace finwait::netfilter
