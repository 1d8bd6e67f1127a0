// Takes over the connections that are older than the daemon, as far as conntrack knows them. Its table is
// read piece by piece on the control thread; each piece goes through all shards, which pick out what they
// follow already, and what is left is given to a shard by its addresses: to which one its segments come, only
// the kernel knows. A shard that hears of a flow which it does not know therefore asks the others, through
// here.
#pragma once

#include "keeper.hpp"
#include "machine/facts.hpp"
#include "netfilter/conntrack.hpp"

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

    /// When rules are installed and the shards run: what happens from now on, they see. `then` is called when
    /// it is over, also where it has failed.
    void start(const machine::Facts& facts, std::function<void()> then);
    /// Instead, where no connection that could be taken over is followed.
    void skip() { done_ = true; }

    /// `by` has forwarded a segment of a flow that it does not know; called on its thread. What is too much
    /// to be handled in time is forgotten: the flow stays where it is, and is not ended there.
    void seek(const shard::Shard& by, const tcp::Segment& segment);

  private:
    struct Candidate {
        engine::Adoptee adoptee;
        netfilter::Translation translation;
        std::uint32_t mark;
    };
    using Batch = std::vector<Candidate>;
    struct Sought {
        std::size_t by;
        tcp::Segment segment;
    };
    struct Counts {
        std::uint64_t adopted = 0, half_closed = 0;
        std::uint64_t known = 0, own = 0, opening_or_over = 0, no_room = 0, unmarked = 0;
    };

    void step();
    void step_surely();
    void finish(const std::optional<netfilter::ConntrackError>& problem);
    [[nodiscard]] bool takes(const netfilter::Tracked& tracked);
    [[nodiscard]] engine::Adoptee adoptee(const netfilter::Tracked& tracked) const;
    void sift(std::shared_ptr<Batch> batch, std::size_t through);
    void place(std::shared_ptr<Batch> batch, std::size_t in);
    void mark(const Candidate& one);
    void find(const Sought& sought);

    boost::asio::io_context& control_;
    Shards shards_;
    std::shared_ptr<spdlog::logger> log_;
    std::uint32_t mark_;
    std::optional<netfilter::Conntrack> table_;
    std::optional<netfilter::Conntrack> marker_;
    machine::Facts facts_;
    std::set<tcp::Address> own_;  // this machine's addresses
    std::chrono::steady_clock::time_point begun_;
    std::function<void()> then_;
    Counts counts_;
    std::vector<Sought> sought_;  // while the table is being read
    std::atomic<bool> done_ = false;
    std::atomic<std::uint32_t> waiting_ = 0;  // by seek(), not handled yet
};

}  // namespace finwait::daemon
