// What became of every flow in a capture: its end, the steps that led there, and what its policy would have
// done. Memory grows with the flows, not with their packets, and has a limit for both.
#pragma once

#include "engine/action.hpp"
#include "engine/engine.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

namespace finwait::replay {

/// A moment at which the policy would have reset the flow.
struct WouldReset {
    Instant at;
    std::uint8_t policy = 0;
    std::string_view reason;  // static text
};

/// A flow as it stood at the capture's end, or when it was forgotten before that.
struct Flow {
    static constexpr std::size_t kMaxSteps = 64;
    static constexpr std::size_t kMaxResets = 16;

    engine::FlowId id;
    policy::Subject subject;
    std::optional<Duration> expires_in;
    Instant opened;
    Instant last_progress;
    std::optional<Instant> forgotten;
    bool adopted = false;
    std::vector<flow::Step> steps;     // the first kMaxSteps; both sides' first states to begin with
    std::vector<WouldReset> resets;    // the first kMaxResets
    std::uint32_t steps_left_out = 0;  // that followed
    std::uint32_t resets_left_out = 0;

    /// As the engine reports a living flow, without the sides' numbers.
    [[nodiscard]] engine::FlowReport report() const;
    /// The policy would have ended a flow that then went on.
    [[nodiscard]] bool went_on_after(const WouldReset& reset) const { return last_progress > reset.at; }
};

class Recorder final : public engine::Observer {
  public:
    /// Flows beyond `max_flows` are only counted.
    explicit Recorder(std::size_t max_flows) : max_flows_(max_flows) {}

    void began(const engine::FlowReport& flow) override;
    void moved(engine::FlowId id, const flow::Step& step) override;
    void ended(const engine::FlowReport& flow) override;

    void note(Instant now, const engine::Event& event);
    /// Brings the flows that live on up to the state in which `engine` has them.
    void finish(Instant now, const engine::Engine& engine);

    /// In the order of their first packets.
    [[nodiscard]] const std::deque<Flow>& flows() const { return flows_; }
    [[nodiscard]] std::uint64_t left_out() const { return left_out_; }

  private:
    [[nodiscard]] Flow* find(engine::FlowId id);

    std::size_t max_flows_;
    std::deque<Flow> flows_;
    std::vector<std::uint32_t> by_slot_;  // index into flows_ of the slot's latest flow
    std::uint64_t left_out_ = 0;
};

}  // namespace finwait::replay
