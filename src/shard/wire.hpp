// The way from the engine to the wire. The engine knows flows by what the forward hook shows; here each
// segment gets the source by which its receiver knows its peer. Where that is not known, nothing is sent: a
// receiver that is asked under a wrong address answers that it knows no such connection, and would be taken
// for dead. Of its own sockets this machine is asked itself, and it is told to end them.
#pragma once

#include "engine/engine.hpp"
#include "host/sockets.hpp"
#include "inject/injector.hpp"
#include "netfilter/conntrack.hpp"
#include "shard/search.hpp"
#include "shard/translations.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace finwait::shard {

/// What became of the segments that were to be sent. May be read on any thread.
struct WireCounts {
    std::atomic<std::uint64_t> translated = 0;  // sent with an address that the forward hook does not show
    std::atomic<std::uint64_t> no_entry = 0;    // sent as the forward hook shows it: conntrack has no entry
    std::atomic<std::uint64_t> not_sent = 0;    // the addresses could not be found out in time
    std::atomic<std::uint64_t> refused = 0;     // by the kernel: no route, or a rule in OUTPUT
    std::atomic<std::uint64_t> queue_full = 0;  // dropped by this machine's own queue (qdisc, socket buffer)
    std::atomic<std::uint64_t> ended = 0;  // of this machine's own sockets, by their kernel, not by an RST
};

/// A segment as its receiver expects it, and whose it is before NAT, for routing.
struct Ready {
    tcp::Segment segment;
    tcp::Address origin;
};

class Wire {
  public:
    using Complain = std::function<void(const std::string&)>;

    Wire(boost::asio::io_context& io, inject::Injector injector, engine::Engine& engine)
        : injector_(std::move(injector)),
          engine_(engine),
          search_(io, [this](const Search::Result& result) { take(result); }) {}
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    /// From now on addresses are translated; before, segments leave as the engine makes them. `tracked` is an
    /// injector whose packets do not pass conntrack by. `complain` is called once a minute at most.
    void translate(netfilter::Conntrack conntrack, inject::Injector tracked, Complain complain);

    /// Only connections with these bits in conntrack's mark are queued. Before a segment leaves, it is made
    /// sure that its connection has them; 0: all are queued.
    void queued_by(std::uint32_t mark) { mark_ = mark; }

    /// What has been seen of flows until `then` does not prove that we may send to them: routing has changed.
    /// Instant::never(): it does.
    void distrust(Instant then) { distrusted_until_ = then; }
    /// From now on this machine is asked for its own sockets, and ends them; before, they are treated as any
    /// others. `complain` as above.
    void know_own_sockets(host::Sockets sockets, Complain complain);

    /// A flow has become half-closed: makes sure that its segments are queued from now on and, if one of its
    /// ends is a socket of this machine, remembers by which names.
    void note_half_closed(Instant now, const engine::Event& event);

    /// Adds a segment to the burst, or keeps it until its addresses have been looked up; its flow is held
    /// then.
    void send(Instant now, const engine::Send& order);
    /// Sends segments that carry the addresses their receivers know.
    void send_as_they_are(std::span<const Ready> segments);
    /// Sends the burst.
    void flush();
    /// How the flow is translated, as far as that has been found out.
    [[nodiscard]] std::optional<netfilter::Translation> translation(Instant now, engine::FlowId flow);
    /// Tells the engine that a segment was not sent, so that no side's silence means anything then.
    /// `just_made`: it has not waited.
    void give_up(const engine::Send& order, bool just_made = true);
    /// The flow has come to its end.
    void forget(engine::FlowId flow) { known_.forget(flow); }

    [[nodiscard]] const WireCounts& counts() const { return counts_; }

  private:
    using State = Translations::State;

    /// A segment that waits, and when it was made.
    struct Kept {
        engine::Send order;
        Instant since;
    };

    void look_for_own_sockets(Instant now, const engine::Event& half_closed);
    void make_sure_of_mark(Instant now, const engine::Event& half_closed);
    void send_known(Instant now, const engine::Send& order, const Translations::Entry& entry);
    void look_up(Instant now, const engine::Send& order);
    void take_found(Instant now, const engine::Send& order, const netfilter::Translation& found);
    [[nodiscard]] static Translations::Entry outcome(Instant now, const Translations::Entry& before,
                                                     const std::optional<netfilter::Translation>& found);
    [[nodiscard]] bool look_again(Instant now, const engine::Send& order);
    [[nodiscard]] bool seen(Instant now, const engine::Send& order, const netfilter::Translation& connection);
    void keep(Instant now, const engine::Send& order);
    void put(const Translations::Entry& entry, const engine::Send& order);
    void put_here(const Translations::Entry& entry, const engine::Send& order, const tcp::Segment& segment);
    [[nodiscard]] bool end_here(const engine::Send& order, const tcp::Segment& segment);
    void note_unsent(inject::Injector& injector);
    void complain(Instant now, const std::string& problem);
    void take(const Search::Result& result);
    void take_one(Instant now, const Search::Result& result, const Kept& kept,
                  const std::optional<netfilter::Translation>& found);
    void let_go(const Kept& kept, const Translations::Entry& entry);

    inject::Injector injector_;
    std::optional<inject::Injector> tracked_;
    engine::Engine& engine_;
    Complain complain_;
    std::optional<netfilter::Conntrack> conntrack_;
    std::optional<host::Sockets> sockets_;
    std::optional<engine::FlowId> told_;     // the kernel has just ended its socket here, and told the peer
    std::optional<engine::FlowId> doubted_;  // what is asked for in this burst is given up
    std::uint32_t mark_ = 0;
    Translations known_;
    std::vector<Kept> kept_;  // of flows that are sought
    Instant complained_ = Instant::never();
    Instant distrusted_until_ = Instant::never();
    WireCounts counts_;
    Search search_;
};

}  // namespace finwait::shard
