#include "shard/pulse.hpp"

#include <boost/asio/post.hpp>

namespace finwait::shard {

void Pulse::beat() {
    if (missing_ > 0) return;
    missing_ = shards_.size();
    sums_ = {};
    for (const Handle& shard : shards_) {
        shard.ask([this](const engine::Engine& engine, Instant) {
            const engine::Counters& n = engine.counters();
            const Sums one{engine.gauges().flows, engine.gauges().half_closed,
                           n.resets_confirmed + n.resets_unconfirmed + n.resets_refused};
            boost::asio::post(control_, [this, one] { take(one); });
        });
    }
}

void Pulse::take(const Sums& one) {
    sums_.flows += one.flows;
    sums_.half_closed += one.half_closed;
    sums_.resets += one.resets;
    if (--missing_ == 0) beaten_(sums_);
}

}  // namespace finwait::shard
