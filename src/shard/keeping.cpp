#include "shard/keeping.hpp"

#include <utility>

namespace finwait::shard {
namespace {

using netfilter::Conntrack;
using netfilter::ConntrackError;
using netfilter::Tracked;

constexpr std::size_t kBatch = 512;

bool may_be_half_closed(const Tracked& entry) {
    using enum Tracked::Stage;
    return entry.stage == fin_wait || entry.stage == close_wait || entry.stage == last_ack;
}

}  // namespace

std::optional<ConntrackError> Keeping::pass(std::chrono::seconds soon, std::chrono::seconds more) {
    const auto some = poll(shards_, stop_, std::vector<int>(1), [](engine::Engine& engine, Instant, int) {
        return engine.gauges().half_closed > 0;
    });
    if (!some || !some->front()) return std::nullopt;
    auto reading = Conntrack::open();
    auto changing = Conntrack::open();
    for (auto* opened : {&reading, &changing})
        if (auto* error = std::get_if<ConntrackError>(opened)) return std::move(*error);
    batch_.clear();
    auto problem = std::get<Conntrack>(reading).list(mark_, [&](const Tracked& entry) {
        if (may_be_half_closed(entry) && entry.left <= soon) batch_.push_back(entry);
        if (batch_.size() >= kBatch) extend(std::get<Conntrack>(changing), more);
        return !stop_;
    });
    extend(std::get<Conntrack>(changing), more);
    return problem;
}

void Keeping::extend(Conntrack& changing, std::chrono::seconds more) {
    const auto ours =
        poll(shards_, stop_, batch_, [](const engine::Engine& engine, Instant, const Tracked& entry) {
            const netfilter::Translation& t = entry.translation;
            return engine.half_closed(t.opener.own, t.answerer.own);
        });
    if (ours)
        for (std::size_t i = 0; i < batch_.size(); ++i)
            if ((*ours)[i]) changing.give_time(batch_[i].translation, more);
    batch_.clear();
}

}  // namespace finwait::shard
