// Puts segments on the wire in a peer's name: raw sockets, one sendmmsg for many. Each is routed as its
// flow's own segments are, by mark and source. RFC 791 and 8200 headers are composed by tcp/compose.
#pragma once

#include "tcp/segment.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace finwait::inject {

struct InjectError {
    std::string message;
    bool not_permitted = false;
};

/// Why a segment did not leave.
enum class Reason : std::uint8_t {
    queue_full,  // this machine's own: its qdisc has dropped it (ENOBUFS), or the socket's buffer is full
    refused,     // no route, a device that is down, a rule that drops it, or it cannot be written as a packet
};

struct Unsent {
    tcp::Segment segment;  // by the name that it was added with
    Reason reason = Reason::refused;
};

/// The group that this process has anyway.
inline constexpr std::uint32_t kOwnGroup = UINT32_MAX;

class Injector {
  public:
    /// Opens one raw socket per IP version. They are owned by `group`, which needs not exist: by it firewall
    /// rules know our packets. Their mark will not do, for routes are chosen by it.
    [[nodiscard]] static std::variant<Injector, InjectError> open(std::uint32_t group);
    Injector(Injector&&) noexcept;
    Injector& operator=(Injector&&) noexcept;
    ~Injector();

    /// Adds a segment to the burst; flushes when the burst is full. It is routed by its mark, and as one that
    /// comes from `origin`: its source may be what NAT makes of that only later.
    void add(const tcp::Segment& segment, const tcp::Address& origin) { add(segment, origin, segment); }
    /// Adds a segment which, should it not leave this machine, is told of as `named`.
    void add(const tcp::Segment& segment, const tcp::Address& origin, const tcp::Segment& named);
    /// Sends the burst. Segments that do not leave are counted, not repeated. What is lost on the way to the
    /// wire after it was queued, by a qdisc that drops when it takes packets out again, cannot be seen.
    void flush();
    /// Those that did not leave since the last call.
    [[nodiscard]] std::vector<Unsent> take_unsent();

    [[nodiscard]] std::uint64_t sent() const;
    [[nodiscard]] std::uint64_t failed() const;

  private:
    struct Impl;
    explicit Injector(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace finwait::inject
