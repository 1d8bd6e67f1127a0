#include "control/client.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace finwait::control {
namespace {

std::string errno_text(int error) {
    return std::strerror(error);
}  // NOLINT(concurrency-mt-unsafe)

/// Whose members may use the socket, as far as it can be seen.
std::string group_of(const std::string& path) {
    struct stat status {};
    std::array<char, 16384> buffer{};
    group entry{};
    group* found = nullptr;
    if (::stat(path.c_str(), &status) == 0)
        ::getgrgid_r(status.st_gid, &entry, buffer.data(), buffer.size(), &found);
    return found != nullptr ? "the group \"" + std::string(found->gr_name) + "\"" : "the socket's group";
}

ConnectError explain(const std::string& path, int error) {
    if (error == EACCES || error == EPERM) {
        return {ConnectFailure::not_permitted, "not permitted to use " + path + " (" + errno_text(error) +
                                                   "): run it as root, or as a member of " + group_of(path)};
    }
    return {ConnectFailure::unreachable, "cannot reach finwaitd at " + path + " (" + errno_text(error) +
                                             "): is it running, and is this its control.socket?"};
}

}  // namespace

std::variant<Client, ConnectError> Client::connect(const std::string& path,
                                                   std::chrono::milliseconds patience) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path)) return explain(path, ENAMETOOLONG);
    std::memcpy(address.sun_path, path.c_str(), path.size());

    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return explain(path, errno);
    Client client(descriptor, patience);
    // A full backlog answers EAGAIN at once, which is as good as no answer: it takes a daemon that hangs.
    if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return explain(path, errno);
    }
    return client;
}

Client::Client(Client&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      patience_(other.patience_),
      buffer_(std::move(other.buffer_)),
      begin_(other.begin_),
      problem_(std::move(other.problem_)) {}

Client& Client::operator=(Client&& other) noexcept {
    if (this == &other) return *this;
    close();
    descriptor_ = std::exchange(other.descriptor_, -1);
    patience_ = other.patience_;
    buffer_ = std::move(other.buffer_);
    begin_ = other.begin_;
    problem_ = std::move(other.problem_);
    return *this;
}

Client::~Client() {
    close();
}

void Client::close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
}

bool Client::wait(short events) {
    pollfd poll{descriptor_, events, 0};
    for (;;) {
        const int ready = ::poll(&poll, 1, static_cast<int>(patience_.count()));
        if (ready > 0) return true;
        if (ready < 0 && errno == EINTR) continue;
        problem_ = ready == 0 ? "finwaitd does not answer" : "waiting for finwaitd: " + errno_text(errno);
        return false;
    }
}

bool Client::send(const Request& request) {
    const std::string line = request_line(request);
    std::string_view rest = line;
    while (!rest.empty()) {
        const ssize_t sent = ::send(descriptor_, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            rest.remove_prefix(static_cast<std::size_t>(sent));
        } else if (errno == EAGAIN) {
            if (!wait(POLLOUT)) return false;
        } else if (errno != EINTR) {
            problem_ = "sending to finwaitd: " + errno_text(errno);
            return false;
        }
    }
    return true;
}

bool Client::fill() {
    constexpr std::size_t chunk = 64U << 10U;
    buffer_.erase(0, std::exchange(begin_, 0));
    const std::size_t old = buffer_.size();
    buffer_.resize(old + chunk);
    for (;;) {
        const ssize_t got = ::recv(descriptor_, buffer_.data() + old, chunk, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN && wait(POLLIN)) continue;
        buffer_.resize(old + (got > 0 ? static_cast<std::size_t>(got) : 0));
        if (got > 0) return true;
        if (problem_.empty()) problem_ = "finwaitd closed the connection before its answer was complete";
        return false;
    }
}

std::optional<std::string_view> Client::next_line() {
    std::size_t searched = begin_;
    for (;;) {
        const std::size_t end = buffer_.find('\n', searched);
        if (end != std::string::npos) {
            const std::string_view line = std::string_view(buffer_).substr(begin_, end - begin_);
            begin_ = end + 1;
            return line;
        }
        searched =
            buffer_.size() - begin_;  // where the old text will end once fill() has moved it to the front
        if (!fill()) return std::nullopt;
    }
}

}  // namespace finwait::control
