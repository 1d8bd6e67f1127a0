// One thread's worth of the daemon: a queue, an engine, an injector and an io_context. Packets are handled in
// bursts; timers and the control plane's questions run between bursts. Shards share nothing.
#pragma once

#include "engine/engine.hpp"
#include "netfilter/queue.hpp"
#include "observe/feed.hpp"
#include "shard/aside.hpp"
#include "shard/egress.hpp"
#include "shard/handle.hpp"
#include "shard/load.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <variant>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace finwait::shard {

/// Receives what the engine tells; called on the shard's thread and must not wait.
using EventSink = std::function<void(const engine::Event&, const engine::Engine&)>;

/// Receives ICMP errors about flows that the shard does not follow; the same holds for it.
using ErrorSink = std::function<void(const tcp::Unreachable&)>;

/// Receives segments without SYN that belong to no flow of the shard; the same holds for it.
using StrangerSink = std::function<void(const tcp::Segment&)>;

class Shard {
  public:
    Shard(netfilter::Queue queue, inject::Injector injector, engine::Options options, EventSink sink);
    ~Shard();
    Shard(const Shard&) = delete;
    Shard& operator=(const Shard&) = delete;

    /// Before start(): where errors about unknown flows go. NFQUEUE spreads an error by the addresses of the
    /// router that sent it, so that it may come to another shard than the flow.
    void pass_on_errors(ErrorSink sink) { error_sink_ = std::move(sink); }
    /// Before start(): where segments of unknown flows are told. Perhaps another shard was given the flow.
    void tell_of_strangers(StrangerSink sink) { stranger_sink_ = std::move(sink); }
    /// How many of its flows nobody has heard of in this shard. May be asked on any thread.
    [[nodiscard]] std::uint64_t unheard() const { return unheard_.load(std::memory_order_relaxed); }
    /// Before start(): what is sent carries the addresses that its receivers know (Egress::translate).
    void translate(netfilter::Conntrack conntrack, inject::Injector tracked, Egress::Complain complain) {
        egress_.translate(std::move(conntrack), std::move(tracked), std::move(complain));
    }
    /// Before start(): see Egress::queued_by().
    void queued_by(std::uint32_t mark) { egress_.queued_by(mark); }
    /// Before start(): who is told why packets are let go by unseen.
    void tell_aside(Aside::Tell tell) { aside_.tell(std::move(tell)); }
    /// From now on these are left alone. What is followed already is acted on once it has been heard again.
    void avoid(machine::Detours detours);
    /// Before start(): this machine's own sockets are asked and ended by its kernel.
    void know_own_sockets(host::Sockets sockets, Egress::Complain complain) {
        egress_.know_own_sockets(std::move(sockets), std::move(complain));
    }
    /// Before start(): called with connections that are gone from both ends; the same holds for it.
    void tell_ends(std::function<void(const netfilter::Translation&)> sink) { end_sink_ = std::move(sink); }
    /// Before start(): called when packets have passed unseen; on the shard's thread, and must not wait.
    void tell_losses(std::function<void()> sink) { loss_sink_ = std::move(sink); }
    /// From now on packets wait for their verdicts.
    void start();
    /// After start(): the thread runs on this CPU only. What went wrong, if anything.
    [[nodiscard]] std::optional<std::string> pin(std::uint16_t cpu);
    /// Ends the thread at once.
    void stop();
    /// Lets further packets pass, handles what is still queued, for at most `patience`, gives the queue up
    /// and ends the thread. The rules may stay: they let pass what nobody wants.
    void drain_and_stop(Duration patience);

    /// An error that came to another shard and has been forwarded; may be called on any thread. What is too
    /// much to be handled in time is forgotten: an error is a hint, and routers repeat it.
    void hear(const tcp::Unreachable& error);

    /// Sends these probes as they are, unless nothing may be sent or probes_per_second does not allow it now;
    /// may be called on any thread.
    void stir(std::vector<egress::OutgoingSegment> segments);

    /// Packets may pass unseen, until go_on(); may be called on any thread. `missed`: they have.
    void hold();
    void go_on(bool missed);

    [[nodiscard]] Handle handle();
    [[nodiscard]] const Aside& aside() const { return aside_; }
    [[nodiscard]] const EgressCounts& sent() const { return egress_.counts(); }
    /// Messages from the kernel that made no sense.
    [[nodiscard]] std::uint64_t queue_errors() const { return queue_errors_.load(std::memory_order_relaxed); }
    /// How often the guard has let packets pass, because this shard gave no verdicts.
    [[nodiscard]] std::uint64_t queue_openings() const {
        return queue_openings_.load(std::memory_order_relaxed);
    }

  private:
    void run();
    void resume();
    void wait_readable();
    void on_readable();
    /// Receives and decides one burst; when its verdicts were sent, or nothing when there was none.
    std::optional<Instant> handle_burst();
    void read(std::span<const netfilter::QueuedPacket> burst);
    void count(netfilter::Disposition disposition);
    [[nodiscard]] netfilter::Disposition decide(Instant now, const netfilter::QueuedPacket& packet,
                                                tcp::ParseError error, const tcp::Segment& segment);
    /// The same, whatever happens: without memory to decide, the packet goes on.
    [[nodiscard]] netfilter::Disposition decide_surely(Instant now, const netfilter::QueuedPacket& packet,
                                                       tcp::ParseError error,
                                                       const tcp::Segment& segment) noexcept;
    [[nodiscard]] engine::Verdict on_segment(Instant now, const tcp::Segment& segment, engine::Way way);
    void note_loss(Instant now, std::uint32_t packets);
    void look_for_losses();
    /// The verdict on a packet that is no segment.
    [[nodiscard]] engine::Verdict on_other(std::span<const std::uint8_t> packet, tcp::ParseError error);
    void run_due();
    void run_due(Instant now);
    void note_turn(Instant now);
    void tick(Instant now) noexcept;
    void perform(Instant now, const engine::Action& action);
    void perform_surely(Instant now, const engine::Action& action) noexcept;
    void arm_timer();
    void stop_when_drained(Instant until);
    void drain(Instant until);

    netfilter::Queue queue_;
    bool selective_;
    engine::Engine engine_;
    Aside aside_;
    EventSink sink_;
    ErrorSink error_sink_;
    StrangerSink stranger_sink_;
    std::function<void()> loss_sink_;
    std::function<void(const netfilter::Translation&)> end_sink_;
    boost::asio::io_context io_{1};
    boost::asio::posix::stream_descriptor readable_{io_};
    boost::asio::steady_timer timer_{io_};
    boost::asio::steady_timer drain_timer_{io_};
    boost::asio::steady_timer loss_timer_{io_};
    Egress egress_;
    std::array<tcp::Segment, netfilter::Queue::kBurst> segments_;  // of the burst
    std::array<tcp::ParseError, netfilter::Queue::kBurst> parsed_{};
    bool looks_ = false;  // for losses, once a second
    bool reads_ = false;  // it will be told of packets, or goes on reading by itself
    Instant timer_set_for_ = Instant::never();
    Instant last_turn_;
    Instant memory_due_;   // when to look whether the reserve is whole
    Instant reads_until_;  // before that no deadline is acted on
    engine::Actions actions_;
    Load load_;
    observe::Feed feed_;
    std::uint64_t strangers_told_ = 0;
    std::atomic<std::uint64_t> queue_errors_ = 0;
    std::atomic<std::uint64_t> queue_openings_ = 0;
    std::atomic<std::uint64_t> unheard_ = 0;
    std::atomic<std::uint32_t> errors_waiting_ = 0;  // by hear(), not handled yet
    std::thread thread_;
};

}  // namespace finwait::shard
