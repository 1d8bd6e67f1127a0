#include "web/listener.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace finwait::web {
namespace {

constexpr int kBacklog = 128;

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

SocketAddress address_of(const tcp::Endpoint& end) {
    SocketAddress out;
    if (end.address.is_v4()) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(end.port);
        std::memcpy(&v4.sin_addr, end.address.v4_bytes().data(), 4);
        std::memcpy(&out.storage, &v4, out.size = sizeof v4);
    } else {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(end.port);
        std::memcpy(&v6.sin6_addr, end.address.bytes().data(), 16);
        std::memcpy(&out.storage, &v6, out.size = sizeof v6);
    }
    return out;
}

std::string advice(int error, const tcp::Endpoint& end) {
    if (error == EADDRINUSE)
        return fmt::format(
            "; \"ss -ltnp sport = :{}\" shows by whom. Stop that, or set metrics.listen to another place",
            end.port);
    if (error == EADDRNOTAVAIL) return "; set metrics.listen to an address that this machine has";
    return "; set metrics.listen to another place, or to \"\"";
}

Listener::Problem failed(const tcp::Endpoint& end) {
    const int error = errno;
    return {fmt::format("metrics.listen: {}: {}{}", end.text(), std::generic_category().message(error),
                        advice(error, end)),
            error == EADDRINUSE};
}

bool bind_and_listen(int descriptor, const tcp::Endpoint& end) {
    const int on = 1;
    const SocketAddress address = address_of(end);
    (void)::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (!end.address.is_v4()) (void)::setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    return ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0 &&
           ::listen(descriptor, kBacklog) == 0;
}

}  // namespace

std::string text(const Place& place) {
    if (const auto* path = std::get_if<std::string>(&place)) return "unix:" + *path;
    return std::get<tcp::Endpoint>(place).text();
}

bool is_public(const Place& place) {
    const auto* end = std::get_if<tcp::Endpoint>(&place);
    if (end == nullptr) return false;
    if (end->address.is_v4()) return end->address.v4_bytes()[0] != 127;
    return end->address != *tcp::Address::parse("::1");
}

std::variant<Listener, Listener::Problem> Listener::open(const Place& place, const std::string& group,
                                                         std::vector<std::string>& notes) {
    if (const auto* path = std::get_if<std::string>(&place)) {
        auto opened = control::SocketFile::open(*path, group, notes, {"metrics socket", "metrics.listen"});
        if (auto* problem = std::get_if<std::string>(&opened)) return Problem{std::move(*problem)};
        auto& file = std::get<control::SocketFile>(opened);
        const int descriptor = file.release_descriptor();
        return Listener(AF_UNIX, descriptor, std::move(file));
    }
    const auto& end = std::get<tcp::Endpoint>(place);
    const int family = end.address.is_v4() ? AF_INET : AF_INET6;
    const int descriptor = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return failed(end);
    Listener listener(family, descriptor, std::nullopt);
    if (!bind_and_listen(descriptor, end)) return failed(end);
    return listener;
}

Listener::~Listener() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace finwait::web
