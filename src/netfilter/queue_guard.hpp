// A small process that keeps packets from waiting for a daemon that gives no verdicts: it is stopped
// (SIGSTOP, a debugger), or a thread hangs. The kernel has no limit of time for a queued packet, and a
// stopped process cannot help itself. The guard shares the queues' sockets; it never reads from them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <variant>

namespace finwait::netfilter {

/// What the reader of a queue and the guard share. Both write, without locks.
struct alignas(64) QueuePulse {
    enum class State : std::uint32_t {
        watched,
        opening,  // the guard is at it
        open,     // packets pass unseen, and what was queued has passed; the reader puts an end to it
    };
    std::atomic<std::uint32_t> beats = 0;    // counts each time the reader looks for packets
    std::atomic<bool> deciding = false;      // the reader has packets without verdict
    std::atomic<std::uint32_t> last_id = 0;  // of the last packet that the reader has received
    std::atomic<State> state = State::watched;
};
static_assert(std::atomic<QueuePulse::State>::is_always_lock_free);

class QueueGuard {
  public:
    static constexpr std::size_t kMostQueues = 256;

    /// Starts the process, which ends with the calling thread. `argc`, `argv`: main()'s, so that the process
    /// goes by a name of its own: who stops all that are called finwaitd must not stop it. The error is a
    /// sentence. REQUIRES: this process has no other thread yet.
    [[nodiscard]] static std::variant<std::unique_ptr<QueueGuard>, std::string> start(int argc, char** argv);
    ~QueueGuard() { end(); }
    QueueGuard(const QueueGuard&) = delete;
    QueueGuard& operator=(const QueueGuard&) = delete;

    /// The pulse of one more queue, for whoever reads it. REQUIRES: fewer than kMostQueues so far.
    [[nodiscard]] QueuePulse* new_pulse();
    /// From now on the queue that was opened with `pulse` is watched.
    void watch(const QueuePulse* pulse, std::uint16_t number, int socket);

    /// Readable when the process has ended.
    [[nodiscard]] int descriptor() const { return channel_; }
    /// The process has ended, unasked: no queue stays half opened.
    void note_end();
    /// Ends the process.
    void end();

    [[nodiscard]] pid_t pid() const { return pid_; }

  private:
    QueueGuard(pid_t pid, int channel, QueuePulse* pulses) : pid_(pid), channel_(channel), pulses_(pulses) {}

    pid_t pid_;
    int channel_;
    QueuePulse* pulses_;  // shared memory
    std::size_t used_ = 0;
};

}  // namespace finwait::netfilter
