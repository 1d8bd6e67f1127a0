#include "control/policy_commands.hpp"

#include "control/answer.hpp"

#include <algorithm>
#include <utility>

namespace finwait::control {
namespace {

namespace asio = boost::asio;

struct PolicyRow {
    policy::Policy policy;
    engine::PolicyCounts counts;
};

struct PolicyRows {
    std::vector<PolicyRow> rows;
    bool resumed = false;
};

PolicyRows policy_rows(engine::Engine& engine, const std::string& resume) {
    PolicyRows out;
    if (!resume.empty()) out.resumed = engine.resume(resume);
    const std::vector<engine::PolicyCounts> counts = engine.policy_counts();
    for (const policy::Policy& policy : engine.policies()) {
        const std::size_t i = out.rows.size();
        out.rows.push_back({policy, i < counts.size() ? counts[i] : engine::PolicyCounts{}});
    }
    return out;
}

/// By name: while a reload is under way the shards' policies may differ.
void add_rows(PolicyRows& sums, PolicyRows more) {
    sums.resumed = sums.resumed || more.resumed;
    for (PolicyRow& row : more.rows) {
        const auto same = [&row](const PolicyRow& sum) { return sum.policy.name == row.policy.name; };
        const auto found = std::ranges::find_if(sums.rows, same);
        if (found == sums.rows.end()) {
            sums.rows.push_back(std::move(row));
        } else {
            found->counts += row.counts;
        }
    }
}

}  // namespace

asio::awaitable<bool> execute_on_policies(const Context& context, const Request& request, Writer& writer) {
    PolicyRows sums;
    for (std::size_t i = 0; i < context.shards.size(); ++i) {
        const shard::Handle& shard = context.shards[i];
        Question<PolicyRows> question = [resume = request.resume, wake = shard.wake](engine::Engine& engine,
                                                                                     Instant) {
            PolicyRows rows = policy_rows(engine, resume);
            if (rows.resumed && wake) wake();
            return rows;
        };
        std::optional<PolicyRows> answer =
            co_await ask<PolicyRows>(shard, std::move(question), context.options.shard_timeout);
        if (!answer) {
            const bool alive = co_await fail(writer, silent_shard(i));
            co_return alive;
        }
        add_rows(sums, std::move(*answer));
    }
    if (!request.resume.empty() && !sums.resumed) {
        const Error error{ErrorCode::not_found, "no policy is called \"" + request.resume + "\"", 0};
        const bool alive = co_await fail(writer, error);
        co_return alive;
    }
    if (sums.resumed && context.hooks.resumed) context.hooks.resumed(writer.requester(), request.resume);
    std::string text;
    for (const PolicyRow& row : sums.rows)
        text += data_line("policy", policy_json(row.policy, row.counts));
    text += done_line();
    const bool alive = co_await writer.write(text);
    co_return alive;
}

}  // namespace finwait::control
