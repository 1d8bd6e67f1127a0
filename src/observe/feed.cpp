#include "observe/feed.hpp"

#include "observe/event_kinds.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace finwait::observe {

Feed::Feed(std::size_t capacity) : capacity_(capacity) {
    ring_.reserve(capacity);  // a packet's thread does not allocate later; what is never used takes no memory
}

Told& Feed::slot() {
    const std::uint64_t number = end_++;
    if (ring_.size() < capacity_) return ring_.emplace_back();
    return ring_[number % capacity_];
}

void Feed::note(Instant when, const engine::Event& event, std::string_view policy) {
    Told& told = slot();
    told.when = when;
    told.at = WallClock::now();
    // The name goes into the memory of the one that stood there.
    if (auto* old = std::get_if<FlowEvent>(&told.what)) {
        old->event = event;
        old->policy = policy;
    } else {
        told.what = FlowEvent{event, std::string(policy)};
    }
}

void Feed::note(Instant when, std::string_view type, std::string line, std::optional<engine::FlowId> flow) {
    Told& told = slot();
    told.when = when;
    told.at = WallClock::now();
    told.what = LineEvent{type, std::move(line), flow};
}

Excerpt Feed::read(std::uint64_t from, Instant until, std::size_t most) const {
    Excerpt out;
    const std::uint64_t oldest = end_ - ring_.size();
    out.next = std::clamp(from, oldest, end_);
    out.missed = out.next - std::min(from, out.next);
    for (; out.next < end_; ++out.next) {
        const Told& told = ring_[out.next % capacity_];
        if (told.when > until) break;
        if (out.told.size() >= most) {
            out.more = true;
            break;
        }
        out.told.push_back(told);
    }
    return out;
}

std::string_view type_of(const Told& told) {
    if (const auto* flow = std::get_if<FlowEvent>(&told.what)) return kind(flow->event.type).event_type;
    return std::get<LineEvent>(told.what).type;
}

std::optional<engine::FlowId> flow_of(const Told& told) {
    if (const auto* flow = std::get_if<FlowEvent>(&told.what)) return flow->event.id;
    return std::get<LineEvent>(told.what).flow;
}

std::string line_of(const Told& told) {
    if (const auto* flow = std::get_if<FlowEvent>(&told.what))
        return event_line(told.at, flow->event, flow->policy);
    return std::get<LineEvent>(told.what).line;
}

std::string missed_line(WallClock::time_point at, std::uint64_t events) {
    return fmt::format(R"({{"timestamp":"{}","event_type":"finwaitd_lost","finwaitd":{{"count":{}}}}})",
                       timestamp(at), events);
}

}  // namespace finwait::observe
