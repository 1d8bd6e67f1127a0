#include "control/best.hpp"

#include "policy/timeouts.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

namespace finwait::control {
namespace {

using engine::FlowReport;
using Rank = Best::Rank;

/// The first 24 bytes, so that words compare as the bytes do.
Rank of_bytes(std::span<const std::uint8_t> bytes) {
    Rank rank;
    for (std::size_t i = 0; i < std::min<std::size_t>(bytes.size(), sizeof rank.words); ++i)
        rank.words[i / 8] |= static_cast<std::uint64_t>(bytes[i]) << (56U - 8U * (i % 8));
    return rank;
}

Rank of_text(std::string_view text) {
    return of_bytes({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

Rank of_endpoint(const tcp::Endpoint& end) {
    Rank rank = of_bytes(end.address.bytes());
    rank.words[2] = end.port;
    return rank;
}

Rank of_time(std::optional<Duration> time) {
    if (!time || *time == policy::kOff) return {true, {}};
    return {false, {static_cast<std::uint64_t>(std::max(time->count(), Duration::rep{0})), 0, 0}};
}

Rank of_number(std::uint64_t number) {
    return {false, {number, 0, 0}};
}

Rank of_states(const policy::Subject& s) {
    return {false,
            {static_cast<std::uint64_t>(s.client_state), static_cast<std::uint64_t>(s.server_state), 0}};
}

using Order = Rank (*)(const FlowReport&);

Order order_by(std::string_view key) {
    if (key == "client") return [](const FlowReport& f) { return of_endpoint(f.subject.client); };
    if (key == "server") return [](const FlowReport& f) { return of_endpoint(f.subject.server); };
    if (key == "state") return [](const FlowReport& f) { return of_states(f.subject); };
    if (key == "closer")
        return [](const FlowReport& f) {
            return f.subject.closer ? of_number(tcp::index(*f.subject.closer)) : Rank{true, {}};
        };
    if (key == "age") return [](const FlowReport& f) { return of_time(f.subject.age); };
    if (key == "expires") return [](const FlowReport& f) { return of_time(f.expires_in); };
    if (key == "policy") return [](const FlowReport& f) { return of_text(f.subject.policy); };
    if (key == "phase")
        return [](const FlowReport& f) { return of_number(static_cast<std::uint64_t>(f.subject.phase)); };
    return [](const FlowReport& f) { return of_time(f.subject.idle); };
}

}  // namespace

Best::Best(std::string_view key, bool descending, std::size_t limit)
    : rank_(order_by(key)), descending_(descending), limit_(limit) {}

/// Flows of the same rank keep their order from one listing to the next.
bool Best::before(const Rank& a, engine::FlowId a_id, const Rank& b, engine::FlowId b_id) const {
    if (a.unknown != b.unknown) return b.unknown;
    if (a.words != b.words) return descending_ ? b.words < a.words : a.words < b.words;
    return a_id.slot < b_id.slot;
}

void Best::offer(const FlowReport& flow) {
    ++offered_;
    const Rank rank = rank_(flow);
    const auto order = [this](const Kept& a, const Kept& b) {
        return before(a.rank, a.flow.id, b.rank, b.flow.id);
    };
    if (heap_.size() >= limit_) {
        if (!before(rank, flow.id, heap_.front().rank, heap_.front().flow.id)) return;
        std::pop_heap(heap_.begin(), heap_.end(), order);
        heap_.pop_back();
    }
    heap_.push_back({rank, flow, std::string(flow.subject.policy)});
    std::push_heap(heap_.begin(), heap_.end(), order);
}

std::vector<const FlowReport*> Best::sorted() {
    std::sort(heap_.begin(), heap_.end(),
              [this](const Kept& a, const Kept& b) { return before(a.rank, a.flow.id, b.rank, b.flow.id); });
    std::vector<const FlowReport*> flows;
    for (Kept& kept : heap_) {
        kept.flow.subject.policy = kept.policy;
        flows.push_back(&kept.flow);
    }
    return flows;
}

}  // namespace finwait::control
