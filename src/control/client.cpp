#include "control/client.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace finwait::control {
namespace {

std::string errno_text(int error) {
    return std::strerror(error);
}  // NOLINT(concurrency-mt-unsafe)

/// Who may use the socket, as far as it can be seen.
std::string who_may(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return "run it as root, or as a member of control.group";
    if ((status.st_mode & S_IWGRP) == 0)
        return "run it as root; for others finwaitd has found no control.group: create that group, and then "
               "run as root: finwaitctl reload";
    std::array<char, 16384> buffer{};
    group entry{};
    group* found = nullptr;
    ::getgrgid_r(status.st_gid, &entry, buffer.data(), buffer.size(), &found);
    return "run it as root, or as a member of " +
           (found != nullptr ? "the group \"" + std::string(found->gr_name) + "\"" : "the socket's group");
}

ConnectError explain(const std::string& path, int error) {
    if (error == EACCES || error == EPERM) {
        return {ConnectFailure::not_permitted,
                "not permitted to use " + path + " (" + errno_text(error) + "): " + who_may(path)};
    }
    return {ConnectFailure::unreachable, "cannot reach finwaitd at " + path + " (" + errno_text(error) +
                                             "): is it running, and is this its control.socket?"};
}

constexpr std::chrono::milliseconds kBetweenAttempts(20);

/// errno's value; 0 when it is connected.
int try_to_connect(int descriptor, const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    const int result = ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return result == 0 ? 0 : errno;
}

std::string no_life(std::chrono::milliseconds patience) {
    return fmt::format("finwaitd does not answer (for {} s): it is stopped, or hangs; to do: {}",
                       std::chrono::duration<double>(patience).count(), kSilentAdvice);
}

}  // namespace

std::variant<Client, ConnectError> Client::connect(const std::string& path,
                                                   std::chrono::milliseconds patience) {
    if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) return explain(path, ENAMETOOLONG);
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return explain(path, errno);
    Client client(path, descriptor, patience);
    const Clock::time_point until = Clock::now() + patience;
    int error = try_to_connect(descriptor, path);
    // The backlog is full: a daemon that runs makes room in it.
    while (error == EAGAIN && Clock::now() < until) {
        std::this_thread::sleep_for(kBetweenAttempts);
        error = try_to_connect(descriptor, path);
    }
    if (error == EAGAIN) return ConnectError{ConnectFailure::silent, no_life(patience)};
    if (error != 0) return explain(path, error);
    return client;
}

Client::Client(Client&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      asking_(std::exchange(other.asking_, -1)),
      patience_(other.patience_),
      buffer_(std::move(other.buffer_)),
      begin_(other.begin_),
      problem_(std::move(other.problem_)),
      silent_(other.silent_) {}

Client& Client::operator=(Client&& other) noexcept {
    if (this == &other) return *this;
    close();
    path_ = std::move(other.path_);
    descriptor_ = std::exchange(other.descriptor_, -1);
    asking_ = std::exchange(other.asking_, -1);
    patience_ = other.patience_;
    buffer_ = std::move(other.buffer_);
    begin_ = other.begin_;
    problem_ = std::move(other.problem_);
    silent_ = other.silent_;
    return *this;
}

Client::~Client() {
    close();
}

void Client::close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
    stop_asking();
}

void Client::stop_asking() {
    if (asking_ >= 0) ::close(asking_);
    asking_ = -1;
}

/// Until there is something to read or room to write; false when the daemon gives no sign of life.
bool Client::wait(short events) {
    for (;;) {
        const Clock::time_point begun = Clock::now();
        Woken woken = poll_for(events, begun + patience_ / 2);
        if (woken == Woken::by_nothing) {
            start_asking();
            woken = poll_for(events, begun + patience_);
            stop_asking();
        }
        switch (woken) {
            case Woken::ready: return true;
            case Woken::by_ping: continue;
            case Woken::by_nothing:
                problem_ = no_life(patience_);
                silent_ = true;
                return false;
            case Woken::failed: return false;
        }
    }
}

Client::Woken Client::poll_for(short events, Clock::time_point until) {
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
        std::array<pollfd, 2> polled{{{descriptor_, events, 0}, {asking_, POLLIN, 0}}};
        const int ready =
            ::poll(polled.data(), polled.size(), static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
        if (ready < 0 && errno == EINTR) continue;
        if (ready < 0) problem_ = "waiting for finwaitd: " + errno_text(errno);
        if (ready < 0) return Woken::failed;
        if (ready == 0) return Woken::by_nothing;
        return polled[0].revents != 0 ? Woken::ready : Woken::by_ping;
    }
}

/// Any answer to a ping will do, also one that turns us away, and the end of the connection: only a daemon
/// that runs gives one.
void Client::start_asking() {
    asking_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (asking_ < 0) return;
    if (try_to_connect(asking_, path_) != 0) return stop_asking();
    const std::string line = request_line({});
    static_cast<void>(::send(asking_, line.data(), line.size(), MSG_NOSIGNAL));
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
