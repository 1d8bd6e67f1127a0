#include "inject/injector.hpp"

#include "inject/raw_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <sys/fsuid.h>
#include <utility>

namespace finwait::inject {
namespace {

InjectError failure(int error) {
    if (error == EPERM || error == EACCES) {
        return {
            "cannot open a raw socket: not permitted: finwaitd needs CAP_NET_RAW, CAP_NET_ADMIN to mark "
            "packets, "
            "and CAP_SETGID to have them told from others",
            true};
    }
    return {std::string("cannot open a raw socket: ") + std::strerror(error)};
}

/// What this thread opens meanwhile belongs to `group`. User and group ids are a thread's own in the kernel.
class OwnedBy {
  public:
    explicit OwnedBy(std::uint32_t group) : before_(group == kOwnGroup ? kOwnGroup : set(group)) {
        // It tells whether it has worked only when it is asked again (setfsgid(2)).
        done_ = group == kOwnGroup || set(group) == group;
    }
    OwnedBy(const OwnedBy&) = delete;
    OwnedBy& operator=(const OwnedBy&) = delete;
    ~OwnedBy() {
        if (before_ != kOwnGroup) set(before_);
    }
    [[nodiscard]] bool done() const { return done_; }

  private:
    static std::uint32_t set(std::uint32_t group) { return static_cast<std::uint32_t>(setfsgid(group)); }

    std::uint32_t before_;
    bool done_ = false;
};

}  // namespace

struct Injector::Impl {
    void flush(RawSocket& socket) {
        const std::size_t waiting = socket.waiting();
        const std::size_t taken = socket.flush(unsent);
        sent += taken;
        failed += waiting - taken;
    }

    /// What may have to be told of the segments that wait, and of one more, has its place before: a segment
    /// of which nobody could be told that it has not left would seem to have gone unanswered.
    void make_room() {
        const std::size_t needed = unsent.size() + v4.waiting() + (v6 ? v6->waiting() : 0) + 1;
        if (needed > unsent.capacity()) unsent.reserve(std::max(needed, 2 * unsent.capacity()));
    }

    RawSocket v4;
    std::optional<RawSocket> v6;  // empty on a system without IPv6
    std::uint64_t sent = 0;
    std::uint64_t failed = 0;
    std::vector<Unsent> unsent;
};

Injector::Injector(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Injector::Injector(Injector&&) noexcept = default;
Injector& Injector::operator=(Injector&&) noexcept = default;
Injector::~Injector() = default;

std::variant<Injector, InjectError> Injector::open(std::uint32_t group) {
    const OwnedBy owner(group);
    if (!owner.done()) return failure(EPERM);
    auto v4 = RawSocket::open(AF_INET);
    if (!v4) return failure(errno);
    auto v6 = RawSocket::open(AF_INET6);
    if (!v6 && errno != EAFNOSUPPORT) return failure(errno);
    return Injector(std::unique_ptr<Impl>(new Impl{std::move(*v4), std::move(v6), 0, 0, {}}));
}

void Injector::add(const tcp::Segment& segment, const tcp::Address& origin, const tcp::Segment& named) {
    impl_->make_room();
    RawSocket* socket = segment.destination.address.is_v4() ? &impl_->v4 : impl_->v6 ? &*impl_->v6 : nullptr;
    if (socket == nullptr || !socket->add(segment, origin, named)) {
        ++impl_->failed;
        impl_->unsent.push_back({named, Reason::refused});
        return;
    }
    if (socket->full()) impl_->flush(*socket);
}

void Injector::flush() {
    impl_->flush(impl_->v4);
    if (impl_->v6) impl_->flush(*impl_->v6);
}

std::vector<Unsent> Injector::take_unsent() {
    if (impl_->unsent.empty()) return {};  // and keep its memory
    return std::exchange(impl_->unsent, {});
}

std::uint64_t Injector::sent() const {
    return impl_->sent;
}

std::uint64_t Injector::failed() const {
    return impl_->failed;
}

}  // namespace finwait::inject
