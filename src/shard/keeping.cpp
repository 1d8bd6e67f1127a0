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
    return entry.stage == fin_wait || entry.stage == close_wait;
}

/// If it is half-closed: conntrack takes a FIN that is repeated for the other side's (tcp_conntracks in
/// nf_conntrack_proto_tcp.c).
bool may_be_misled(const Tracked& entry) {
    using enum Tracked::Stage;
    return entry.stage == last_ack || entry.stage == time_wait;
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
        if (may_be_misled(entry) || (may_be_half_closed(entry) && entry.left <= soon))
            batch_.push_back(entry);
        if (batch_.size() >= kBatch) extend(std::get<Conntrack>(changing), soon, more);
        return !stop_;
    });
    extend(std::get<Conntrack>(changing), soon, more);
    return problem;
}

void Keeping::extend(Conntrack& changing, std::chrono::seconds soon, std::chrono::seconds more) {
    const auto ours =
        poll(shards_, stop_, batch_, [](const engine::Engine& engine, Instant, const Tracked& entry) {
            const netfilter::Translation& t = entry.translation;
            return engine.half_closed(t.opener.own, t.answerer.own);
        });
    std::vector<Tracked> misled;
    for (std::size_t i = 0; ours && i < batch_.size(); ++i) {
        if (!(*ours)[i]) continue;
        if (may_be_misled(batch_[i]))
            misled.push_back(batch_[i]);
        else
            changing.give_time(batch_[i].translation, more);
    }
    batch_.clear();
    if (!misled.empty()) put_right(changing, misled, soon, more);
}

void Keeping::put_right(Conntrack& changing, const std::vector<Tracked>& misled, std::chrono::seconds soon,
                        std::chrono::seconds more) {
    const auto surely =
        poll(shards_, stop_, misled, [](const engine::Engine& engine, Instant now, const Tracked& entry) {
            const netfilter::Translation& t = entry.translation;
            return engine.surely_half_closed(now, t.opener.own, t.answerer.own);
        });
    if (!surely) return;
    for (std::size_t i = 0; i < misled.size(); ++i) {
        if ((*surely)[i])
            changing.keep_half_closed(misled[i].translation, more);
        else if (misled[i].left <= soon)
            changing.give_time(misled[i].translation, more);
    }
}

}  // namespace finwait::shard
