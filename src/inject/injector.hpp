// Puts segments on the wire in a peer's name: raw sockets with our mark, one sendmmsg for many. RFC 791 and
// 8200 headers are composed by tcp/compose.
#pragma once

#include "tcp/segment.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <variant>

namespace finwait::inject {

struct InjectError {
    std::string message;
    bool not_permitted = false;
};

class Injector {
  public:
    /// Opens one raw socket per IP version; `mark` is set on every packet (SO_MARK).
    [[nodiscard]] static std::variant<Injector, InjectError> open(std::uint32_t mark);
    Injector(Injector&&) noexcept;
    Injector& operator=(Injector&&) noexcept;
    ~Injector();

    /// Adds a segment to the burst; flushes when the burst is full.
    void add(const tcp::Segment& segment);
    /// Sends the burst. Segments that the kernel refuses (no route, no buffer) are counted, not repeated.
    void flush();

    [[nodiscard]] std::uint64_t sent() const;
    [[nodiscard]] std::uint64_t failed() const;

  private:
    struct Impl;
    explicit Injector(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace finwait::inject
