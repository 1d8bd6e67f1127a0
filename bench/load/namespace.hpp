// Sockets in network namespaces: a socket stays in the one in which it was made.
#pragma once

#include <string>

namespace finwait::bench {

/// A descriptor that is closed with its owner.
class Descriptor {
  public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
    Descriptor& operator=(Descriptor&& other) noexcept;
    ~Descriptor();
    [[nodiscard]] int get() const { return fd_; }

  private:
    int fd_ = -1;
};

/// Ends the program, with errno's meaning, unless `good`.
void require(bool good, const std::string& what);

/// The calling thread is in the namespace of this name (as `ip netns` has it) for as long as this lives.
class Entered {
  public:
    explicit Entered(const std::string& name);
    Entered(const Entered&) = delete;
    Entered& operator=(const Entered&) = delete;
    ~Entered();

  private:
    Descriptor before_;
};

}  // namespace finwait::bench
