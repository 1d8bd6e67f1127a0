// The way from the engine to the wire: carries out what egress::Machine decides, by conntrack, this machine's
// own sockets and the raw sockets, and hands the engine what became of it. Decides nothing itself.
#pragma once

#include "egress/machine.hpp"
#include "engine/engine.hpp"
#include "host/sockets.hpp"
#include "inject/injector.hpp"
#include "netfilter/conntrack.hpp"
#include "shard/nat_scan.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>

namespace finwait::shard {

/// What became of the segments that were to be sent: egress::Counts, for any thread.
struct EgressCounts {
    std::atomic<std::uint64_t> translated = 0;
    std::atomic<std::uint64_t> no_entry = 0;
    std::atomic<std::uint64_t> not_sent = 0;
    std::atomic<std::uint64_t> refused = 0;
    std::atomic<std::uint64_t> queue_full = 0;
    std::atomic<std::uint64_t> ended = 0;

    void set(const egress::Counts& counts);
};

class Egress {
  public:
    using Complain = std::function<void(const std::string&)>;

    Egress(boost::asio::io_context& io, inject::Injector injector, engine::Engine& engine)
        : injector_(std::move(injector)),
          engine_(engine),
          scan_(io, [this](const NatScan::Result& result) { release(result); }) {}
    Egress(const Egress&) = delete;
    Egress& operator=(const Egress&) = delete;

    /// From now on segments carry the names by which their receivers know the senders. `tracked` is an
    /// injector whose packets do not pass conntrack by. `complain` is called once a minute at most.
    void translate(netfilter::Conntrack conntrack, inject::Injector tracked, Complain complain);
    /// See egress::Machine.
    void queued_by(std::uint32_t mark) { machine_.queued_by(mark); }
    /// See egress::Machine.
    void distrust(Instant then) { machine_.distrust(then); }
    /// From now on this machine's own sockets are asked and ended by its kernel. `complain` as above.
    void know_own_sockets(host::Sockets sockets, Complain complain);

    /// A flow has become half-closed. Before the flow's next segment is sent.
    void note_half_closed(Instant now, const engine::Event& event);
    /// Adds a segment to the burst, keeps it until its names are known, or gives it up, of which the engine
    /// is told. Throws std::bad_alloc only once the engine has been told that the segment is not sent.
    void send(Instant now, const engine::Send& order);
    /// Sends segments that carry the names their receivers know.
    void send_as_they_are(Instant now, std::span<const egress::OutgoingSegment> segments);
    /// Sends the burst.
    void flush(Instant now);

    /// How the flow is translated, as far as that has been found out.
    [[nodiscard]] std::optional<flow::Translation> translation(Instant now, engine::FlowId flow) {
        return machine_.translation(now, flow);
    }
    /// The flow has come to its end.
    void forget(engine::FlowId flow) { machine_.forget(flow); }

    [[nodiscard]] const EgressCounts& counts() const { return counts_; }

  private:
    class Performer;

    void carry_out(Instant now, egress::Machine::Actions actions);
    void note_unsent(Instant now, inject::Injector& injector);
    void complain(egress::Problem problem) const;
    void release(const NatScan::Result& result);

    egress::Machine machine_;
    inject::Injector injector_;
    std::optional<inject::Injector> tracked_;
    engine::Engine& engine_;
    Complain complain_;
    std::optional<netfilter::Conntrack> conntrack_;
    std::optional<host::Sockets> sockets_;
    std::optional<host::Socket> socket_;  // the last one that was found
    std::string conntrack_error_;         // the last one
    std::string sockets_error_;
    EgressCounts counts_;
    NatScan scan_;
};

}  // namespace finwait::shard
