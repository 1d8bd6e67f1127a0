#include "control/gather.hpp"

#include "control/ask.hpp"
#include "control/selection.hpp"
#include "host/memory_reserve.hpp"
#include "shard/clock.hpp"

#include <algorithm>
#include <utility>

namespace finwait::control {
namespace {

namespace asio = boost::asio;

struct ShardAnswer {
    engine::Counters counters;
    engine::Gauges gauges;
    policy::Lasting half_closed_ages;
    shard::Load load;
    Duration cpu{0};
    std::vector<std::string> stopped;
};

std::vector<std::string> stopped_policies(const engine::Engine& engine) {
    std::vector<std::string> names;
    const std::vector<engine::PolicyCounts> counts = engine.policy_counts();
    for (std::size_t i = 0; i < counts.size(); ++i)
        if (counts[i].stopped) names.push_back(engine.policies()[static_cast<std::uint8_t>(i)].name);
    return names;
}

Question<ShardAnswer> question_to(const shard::Handle& shard) {
    return [load = shard.load](engine::Engine& engine, Instant now) {
        return ShardAnswer{engine.counters(),
                           engine.gauges(),
                           engine.half_closed_ages(now),
                           load != nullptr ? *load : shard::Load(),
                           shard::thread_time(),
                           stopped_policies(engine)};
    };
}

void add(Totals& totals, ShardAnswer answer) {
    totals.by_shard.push_back({answer.counters.packets_seen, answer.gauges.flows, answer.cpu});
    totals.counters += answer.counters;
    totals.gauges += answer.gauges;
    totals.half_closed_ages += answer.half_closed_ages;
    totals.load += answer.load;
    totals.stopped.insert(answer.stopped.begin(), answer.stopped.end());
}

/// What the shell around the shards knows.
void ask_hooks(const Context& context, Totals& totals) {
    const Hooks& hooks = context.hooks;
    if (hooks.queue) totals.queue = hooks.queue();
    if (hooks.audit_lost) totals.audit_lost = hooks.audit_lost();
    if (hooks.wire) totals.wire = hooks.wire();
    if (hooks.aside) totals.aside = hooks.aside();
    if (hooks.rule_stats) totals.rules = hooks.rule_stats();
    if (hooks.mode) totals.mode = hooks.mode();
    totals.without_memory = host::times_without_memory();
    totals.version = hooks.version;
    totals.shards = context.shards.size();
    totals.uptime_s =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - context.started).count();
}

struct ShardPolicies {
    PolicyRows rows;
    bool found = false;    // the policy that is to go on
    bool resumed = false;  // and it had been stopped
};

ShardPolicies policies_of(engine::Engine& engine, const std::string& resume) {
    ShardPolicies out;
    if (!resume.empty()) {
        const std::vector<std::string> stopped = stopped_policies(engine);
        out.resumed = std::ranges::find(stopped, resume) != stopped.end();
        out.found = engine.resume(resume);
    }
    const std::vector<engine::PolicyCounts> counts = engine.policy_counts();
    for (const policy::Policy& policy : engine.policies()) {
        const std::size_t i = out.rows.size();
        out.rows.push_back({policy, i < counts.size() ? counts[i] : engine::PolicyCounts{}});
    }
    return out;
}

/// By name: while a reload is under way the shards' policies may differ.
void add(PolicyRows& sums, PolicyRows more) {
    for (PolicyRow& row : more) {
        const auto same = [&row](const PolicyRow& sum) { return sum.policy.name == row.policy.name; };
        const auto found = std::ranges::find_if(sums, same);
        if (found == sums.end()) {
            sums.push_back(std::move(row));
        } else {
            found->counts += row.counts;
        }
    }
}

std::vector<std::string> names_of(const PolicyRows& rows) {
    std::vector<std::string> names;
    for (const PolicyRow& row : rows)
        names.push_back(row.policy.name);
    return names;
}

}  // namespace

Error silent_shard(std::size_t shard) {
    return {ErrorCode::timeout, "shard " + std::to_string(shard) + " does not answer", 0};
}

asio::awaitable<std::variant<Totals, Error>> gather_totals(const Context& context) {
    Totals totals;
    for (std::size_t i = 0; i < context.shards.size(); ++i) {
        Question<ShardAnswer> question = question_to(context.shards[i]);
        std::optional<ShardAnswer> answer =
            co_await ask<ShardAnswer>(context.shards[i], std::move(question), context.options.shard_timeout);
        if (!answer) co_return silent_shard(i);
        add(totals, std::move(*answer));
    }
    ask_hooks(context, totals);
    co_return totals;
}

asio::awaitable<std::variant<PolicyAnswer, Error>> gather_policies(const Context& context,
                                                                   std::string resume) {
    PolicyAnswer sums;
    bool found = false;
    for (std::size_t i = 0; i < context.shards.size(); ++i) {
        const shard::Handle& shard = context.shards[i];
        Question<ShardPolicies> question = [resume, wake = shard.wake](engine::Engine& engine, Instant) {
            ShardPolicies policies = policies_of(engine, resume);
            if (policies.resumed && wake) wake();
            return policies;
        };
        std::optional<ShardPolicies> answer =
            co_await ask<ShardPolicies>(shard, std::move(question), context.options.shard_timeout);
        if (!answer) co_return silent_shard(i);
        found = found || answer->found;
        sums.resumed = sums.resumed || answer->resumed;
        add(sums.rows, std::move(answer->rows));
    }
    if (!resume.empty() && !found) {
        Error unknown = no_such_policy(resume, names_of(sums.rows));
        co_return unknown;
    }
    co_return sums;
}

}  // namespace finwait::control
