// A bounded number of flows on their way from a shard to the control thread. Owns everything it says: a
// report's policy name points into the engine's policies, which a reload may replace while the batch is still
// being written out.
#pragma once

#include "engine/engine.hpp"

#include <algorithm>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finwait::control {

class Batch {
  public:
    Batch() = default;
    Batch(Batch&&) = default;
    Batch& operator=(Batch&&) = default;
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;
    ~Batch() = default;

    /// Looks at `slots` table slots from `cursor` on. To be called on the shard's thread.
    [[nodiscard]] static Batch visit(const engine::Engine& engine, Instant now, std::uint32_t cursor,
                                     std::uint32_t slots, const policy::Filter& filter) {
        Batch batch;
        batch.flows_.reserve(slots);
        batch.next_ = engine.visit(now, cursor, slots, filter, batch.flows_);
        for (engine::FlowReport& flow : batch.flows_)
            batch.keep_name(flow.subject.policy);
        return batch;
    }
    /// Of `ids`, up to `count` from `cursor` on, those that are this engine's and still there. To be called
    /// on the shard's thread.
    [[nodiscard]] static Batch find_all(const engine::Engine& engine, Instant now, std::uint32_t cursor,
                                        std::uint32_t count, const std::vector<engine::FlowId>& ids) {
        Batch batch;
        const std::size_t end = std::min<std::size_t>(ids.size(), std::size_t{cursor} + count);
        for (std::size_t i = cursor; i < end; ++i)
            if (auto flow = engine.find(now, ids[i])) batch.flows_.push_back(*flow);
        for (engine::FlowReport& flow : batch.flows_)
            batch.keep_name(flow.subject.policy);
        if (end < ids.size()) batch.next_ = static_cast<std::uint32_t>(end);
        return batch;
    }
    /// The one flow `id`, if it exists. To be called on the shard's thread.
    [[nodiscard]] static Batch find(const engine::Engine& engine, Instant now, engine::FlowId id) {
        Batch batch;
        std::optional<engine::FlowReport> flow = engine.find(now, id);
        if (!flow) return batch;
        batch.keep_name(flow->subject.policy);
        batch.flows_.push_back(*flow);
        return batch;
    }

    [[nodiscard]] const std::vector<engine::FlowReport>& flows() const { return flows_; }
    /// Where the next batch begins; empty at the table's end.
    [[nodiscard]] std::optional<std::uint32_t> next() const { return next_; }

  private:
    /// Few names serve many flows: the last ones used are looked at first.
    void keep_name(std::string_view& name) {
        for (const std::string& kept : names_) {
            if (kept == name) {
                name = kept;
                return;
            }
        }
        names_.emplace_front(name);
        name = names_.front();
    }

    std::vector<engine::FlowReport> flows_;
    std::list<std::string> names_;  // a list: moving it leaves its strings where they are
    std::optional<std::uint32_t> next_;
};

}  // namespace finwait::control
