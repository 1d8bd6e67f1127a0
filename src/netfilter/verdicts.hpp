// The verdicts of one burst, gathered into one datagram: a batch verdict for each run of plain accepts, and a
// single one for each packet between them that is marked or dropped. nfnetlink works through the messages of
// a datagram in order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace finwait::netfilter {

class Verdicts {
  public:
    /// Packets that one burst may hold.
    static constexpr std::size_t kBurst = 64;

    explicit Verdicts(std::uint16_t queue) : queue_(queue) {}

    /// Accepts this packet and every earlier one that is still queued.
    void accept(std::uint32_t id) {
        run_end_ = id;
        run_ = true;
    }
    /// Accepts this packet with a firewall mark.
    void accept_marked(std::uint32_t id, std::uint32_t mark);
    void drop(std::uint32_t id);
    /// Sends what was gathered. False when the kernel took nothing: the packets wait for the next flush.
    bool flush(int socket);

    [[nodiscard]] bool empty() const { return !run_ && size_ == 0; }

  private:
    /// Headers of 20 bytes, a verdict attribute of 12, a mark of 8.
    static constexpr std::size_t kMessage = 40;

    void end_run();
    void single(std::uint32_t id, int verdict, const std::uint32_t* mark);
    char* next() { return buffer_.data() + size_; }

    std::uint16_t queue_;
    bool run_ = false;
    std::uint32_t run_end_ = 0;
    std::uint32_t last_ = 0;
    std::size_t size_ = 0;
    // A batch verdict before each marked packet and one at the end.
    alignas(4) std::array<char, kMessage*(2 * kBurst + 1)> buffer_{};
};

}  // namespace finwait::netfilter
