// An engine in use, whatever it holds: what must be true of every table, and ways to stir it.
#pragma once

#include "engine/engine.hpp"
#include "input.hpp"

#include <optional>
#include <vector>

namespace finwait::fuzz {

class Flows {
  public:
    Flows(engine::Engine& engine, Instant now) : engine_(engine), now_(now) {}

    [[nodiscard]] Instant now() const { return now_; }

    /// Wakes the engine whenever it wants to be; not for ever.
    void let_pass(Duration d) {
        const Instant until = now_ + d;
        for (int wakes = 0; engine_.next_deadline() <= until && wakes < kMostWakes; ++wakes) {
            now_ = std::max(now_, engine_.next_deadline());
            tick();
        }
        now_ = until;
        check();
    }

    /// Both sides of every flow say the least that a living TCP may.
    void speak() {
        for (const engine::FlowReport& flow : list()) {
            for (const tcp::Role role : {tcp::Role::client, tcp::Role::server}) {
                tcp::Segment s;
                const engine::SideReport& side = flow.side[tcp::index(role)];
                const bool client = role == tcp::Role::client;
                s.source = client ? flow.subject.client : flow.subject.server;
                s.destination = client ? flow.subject.server : flow.subject.client;
                s.flags = tcp::flag::ack;
                s.seq = side.next.value_or(tcp::Seq(1));
                s.ack = side.ack.value_or(tcp::Seq(1));
                s.window = 1000;
                static_cast<void>(engine_.on_segment(now_, s));
            }
        }
        tick();
        check();
    }

    [[nodiscard]] std::vector<engine::FlowReport> list() const {
        std::vector<engine::FlowReport> flows;
        std::optional<std::uint32_t> cursor = 0;
        while (cursor)
            cursor = engine_.visit(now_, *cursor, 16, everything_, flows);
        return flows;
    }

    void check() const {
        const engine::Gauges gauges = engine_.gauges();
        require(gauges.flows <= gauges.limit, "more flows than the table may hold");
        require(gauges.half_closed <= gauges.flows, "more half-closed flows than flows");
        for (const auto& by_state : gauges.sides) {
            std::uint64_t sum = 0;
            for (const std::uint64_t count : by_state)
                sum += count;
            require(sum == gauges.flows, "the gauges of states do not add up to the flows");
        }
        const std::vector<engine::FlowReport> flows = list();
        require(flows.size() == gauges.flows, "a listing does not show every flow");
        for (const engine::FlowReport& flow : flows) {
            require(engine_.find(now_, flow.id).has_value(), "a flow is not found by its name");
            require(engine_.explain(now_, flow.id).has_value(), "a flow cannot be explained");
            require(engine::FlowId::parse(flow.id.text()) == flow.id, "a name does not read back");
        }
    }

  private:
    static constexpr int kMostWakes = 300;

    void tick() {
        actions_.clear();
        engine_.on_tick(now_, actions_);
    }

    engine::Engine& engine_;
    Instant now_;
    engine::Actions actions_;
    policy::Filter everything_;
};

}  // namespace finwait::fuzz
