// The machine in the middle as its kernel is: NAT, conntrack with its marks, sockets of its own, a queue that
// is full. Carries out what the shipped egress decides, and passes on to the engine what that is to be told.
#pragma once

#include "egress/machine.hpp"
#include "judge.hpp"
#include "life.hpp"

#include <array>
#include <optional>
#include <ostream>
#include <vector>

namespace finwait::sim {

/// A host as the forward hook shows it.
[[nodiscard]] tcp::Endpoint own_name(std::size_t host);
/// The same as its peer knows it.
[[nodiscard]] tcp::Endpoint shown_name(const GatewayOptions& options, std::size_t host);

class Gateway {
  public:
    /// A segment of ours that leaves now, or that the full queue drops.
    struct Outgoing {
        Packet packet;
        std::size_t receiver = 0;
        bool dropped = false;
    };

    /// `trace` may be null; the others must outlive it.
    Gateway(const Life& life, engine::Engine& engine, Judge& judge, std::array<Endpoint, 2>& hosts,
            std::ostream* trace);

    /// A packet of `sender` as the forward hook shows it: its destination is translated.
    [[nodiscard]] static Packet at_hook(std::size_t sender, const Packet& packet);
    /// And as its receiver gets it: its source is translated, too.
    [[nodiscard]] Packet behind_hook(std::size_t sender, const Packet& packet) const;
    [[nodiscard]] engine::Way way(std::size_t sender) const;

    /// conntrack sees a packet at the hook. Whether that is queued.
    [[nodiscard]] bool track(const tcp::Segment& segment);
    /// The engine puts the flow on the fast path by this packet.
    void release(const tcp::Segment& segment);

    /// Carries out what the engine wants sent; collect() has what leaves.
    void perform(Instant now, const engine::Actions& actions);
    [[nodiscard]] Instant next_deadline() const;
    void on_timer(Instant now);
    [[nodiscard]] std::vector<Outgoing>& outbox() { return outbox_; }

  private:
    class Performer;
    struct Scan {
        Instant ends;
        egress::Wanted wanted;
    };

    void carry_out(Instant now, egress::Machine::Actions actions);
    void end_burst(Instant now);
    void begin_scan(Instant now);
    void end_scan(Instant now);
    void lose_mark(Instant now);
    [[nodiscard]] bool fails();
    [[nodiscard]] flow::Translation entry() const;
    [[nodiscard]] std::optional<std::size_t> local_host(const tcp::Endpoint& local,
                                                        const tcp::Endpoint& remote) const;
    [[nodiscard]] egress::Destroyed destroy(Instant now, std::size_t host);
    void transmit(Instant now, const egress::Transmit& order);
    [[nodiscard]] bool queue_is_full();

    const Life& life_;
    const GatewayOptions& options_;
    engine::Engine& engine_;
    Judge& judge_;
    std::array<Endpoint, 2>& hosts_;
    std::ostream* trace_;
    egress::Machine machine_;
    bool known_ = true;       // conntrack has an entry
    bool marked_ = false;     // with our bit
    bool fin_seen_ = false;   // and it has seen a FIN or an RST
    std::uint32_t name_ = 1;  // of the entry
    Instant mark_lost_ = Instant::never();
    unsigned questions_ = 0;  // to conntrack
    egress::Wanted wanted_;
    std::optional<Scan> scan_;
    std::uint64_t own_sends_ = 0;  // of the engine's
    std::vector<Outgoing> outbox_;
};

}  // namespace finwait::sim
