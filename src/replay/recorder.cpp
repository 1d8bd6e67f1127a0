#include "replay/recorder.hpp"

#include <algorithm>

namespace finwait::replay {
namespace {

constexpr std::uint32_t kNone = UINT32_MAX;
constexpr std::uint32_t kSlotBits = 0xFFFFFF;

void refresh(Flow& flow, const engine::FlowReport& report) {
    flow.subject = report.subject;
    flow.expires_in = report.expires_in;
    flow.adopted = report.adopted;
    flow.last_progress = report.opened + report.subject.age - report.subject.idle.value_or(Duration(0));
}

/// A side's first state is known before the segment that proves it is told: that one takes its place.
bool completes_first(const flow::Step& known, const flow::Step& step) {
    return known.flags == 0 && known.side == step.side && known.state == step.state && known.at == step.at;
}

}  // namespace

engine::FlowReport Flow::report() const {
    engine::FlowReport out;
    out.id = id;
    out.subject = subject;
    out.expires_in = expires_in;
    out.opened = opened;
    out.adopted = adopted;
    return out;
}

Flow* Recorder::find(engine::FlowId id) {
    const std::uint32_t slot = id.slot & kSlotBits;
    if (slot >= by_slot_.size() || by_slot_[slot] == kNone) return nullptr;
    Flow& flow = flows_[by_slot_[slot]];
    return flow.id == id ? &flow : nullptr;
}

void Recorder::began(const engine::FlowReport& report) {
    const std::uint32_t slot = report.id.slot & kSlotBits;
    if (slot >= by_slot_.size()) by_slot_.resize(slot + std::size_t{1}, kNone);
    by_slot_[slot] = kNone;
    if (flows_.size() >= max_flows_) {
        ++left_out_;
        return;
    }
    by_slot_[slot] = static_cast<std::uint32_t>(flows_.size());
    Flow& flow = flows_.emplace_back();
    flow.id = report.id;
    flow.opened = report.opened;
    refresh(flow, report);
    for (const tcp::Role side : {tcp::Role::client, tcp::Role::server}) {
        flow::Step first;
        first.at = report.opened;
        first.side = side;
        first.state = side == tcp::Role::client ? report.subject.client_state : report.subject.server_state;
        flow.steps.push_back(first);
    }
}

void Recorder::moved(engine::FlowId id, const flow::Step& step) {
    Flow* flow = find(id);
    if (flow == nullptr) return;
    if (flow->steps.size() == 2) {
        for (flow::Step& first : flow->steps) {
            if (!completes_first(first, step)) continue;
            first = step;
            return;
        }
    }
    if (flow->steps.size() < Flow::kMaxSteps) {
        flow->steps.push_back(step);
    } else {
        ++flow->steps_left_out;
    }
}

void Recorder::ended(const engine::FlowReport& report) {
    Flow* flow = find(report.id);
    if (flow == nullptr) return;
    refresh(*flow, report);
    flow->expires_in.reset();
    flow->forgotten = report.opened + report.subject.age;
    flow->steps.shrink_to_fit();
}

void Recorder::note(Instant now, const engine::Event& event) {
    if (event.type != engine::EventType::would_reset) return;
    Flow* flow = find(event.id);
    if (flow == nullptr) return;
    if (flow->resets.size() < Flow::kMaxResets) {
        flow->resets.push_back({now, event.policy, event.reason});
    } else {
        ++flow->resets_left_out;
    }
}

void Recorder::finish(Instant now, const engine::Engine& engine) {
    for (Flow& flow : flows_) {
        if (flow.forgotten) continue;
        if (const auto report = engine.find(now, flow.id)) refresh(flow, *report);
    }
}

}  // namespace finwait::replay
