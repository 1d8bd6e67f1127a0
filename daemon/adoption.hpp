// Takes over the connections that are older than the daemon, as far as conntrack knows them, and those of
// this machine's own sockets, which sock_diag(7) lists. Both are read piece by piece on the control thread;
// each piece goes through all shards, which pick out what they follow already, and what is left is given to a
// shard by its addresses: to which one its segments come, only the kernel knows. A shard that hears of a flow
// which it does not know therefore asks the others, through here.
#pragma once

#include "host/socket_list.hpp"
#include "keeper.hpp"
#include "machine/facts.hpp"
#include "netfilter/conntrack.hpp"
#include "own_connections.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <spdlog/logger.h>

namespace finwait::daemon {

class Adoption {
  public:
    /// `mark` is set in the conntrack mark of half-closed connections, so that their segments are queued; 0:
    /// they are anyway.
    Adoption(boost::asio::io_context& control, Shards shards, std::shared_ptr<spdlog::logger> log,
             std::uint32_t mark)
        : control_(control), shards_(shards), log_(std::move(log)), mark_(mark) {}
    Adoption(const Adoption&) = delete;
    Adoption& operator=(const Adoption&) = delete;

    /// Which connections are in scope.
    struct Reach {
        bool forwarded = true;
        bool own = false;       // those of this machine's sockets
        bool loopback = false;  // from one of them to another, too
        std::size_t most = 0;   // how many of them there is room for
    };

    /// When rules are installed and the shards run: what happens from now on, they see. `then` is called when
    /// it is over, also where it has failed.
    void start(const machine::Facts& facts, const Reach& reach, std::function<void()> then);

    /// `by` has forwarded a segment of a flow that it does not know; called on its thread. What is too much
    /// to be handled in time is forgotten: the flow stays where it is, and is not ended there.
    void seek(const shard::Shard& by, const tcp::Segment& segment);

  private:
    struct Candidate {
        engine::Adoptee adoptee;
        netfilter::Translation translation;
        std::optional<std::uint32_t> mark;  // of conntrack's entry; empty: there is none
        bool own = false;
    };
    using Batch = std::vector<Candidate>;
    struct Sought {
        std::size_t by;
        tcp::Segment segment;
    };
    struct Counts {
        std::uint64_t adopted = 0, half_closed = 0;
        std::uint64_t own_adopted = 0, known = 0, own = 0, opening_or_over = 0, no_room = 0, unmarked = 0;
    };

    void read_sockets();
    void read_conntrack();
    void step();
    void step_surely();
    void take_entry(const netfilter::Tracked& tracked, Batch& batch);
    void place_rest();
    void go_without_conntrack(const netfilter::ConntrackError& problem);
    void tell(const std::optional<netfilter::ConntrackError>& problem) const;
    void finish(const std::optional<netfilter::ConntrackError>& problem);
    [[nodiscard]] bool takes(const netfilter::Tracked& tracked);
    [[nodiscard]] engine::Adoptee adoptee(const netfilter::Tracked& tracked) const;
    [[nodiscard]] static bool known_to(engine::Engine& engine, Instant now, const Candidate& one);
    void sift(std::shared_ptr<Batch> batch, std::size_t through);
    void place(std::shared_ptr<Batch> batch, std::size_t in);
    void mark(const Candidate& one);
    void find(const Sought& sought);

    boost::asio::io_context& control_;
    Shards shards_;
    std::shared_ptr<spdlog::logger> log_;
    std::uint32_t mark_;
    std::optional<host::SocketList> sockets_;
    std::optional<OwnConnections> own_connections_;  // whose sockets have been read
    std::optional<netfilter::Conntrack> table_;
    std::optional<netfilter::Conntrack> marker_;
    machine::Facts facts_;
    Reach reach_;
    std::set<tcp::Address> own_;  // this machine's addresses
    std::optional<netfilter::ConntrackError> problem_;
    std::chrono::steady_clock::time_point begun_;
    std::function<void()> then_;
    Counts counts_;
    std::vector<Sought> sought_;  // while the table is being read
    std::atomic<bool> done_ = false;
    std::atomic<std::uint32_t> waiting_ = 0;  // by seek(), not handled yet
};

}  // namespace finwait::daemon
