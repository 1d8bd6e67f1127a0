#include "control/kill_command.hpp"

#include "control/answer.hpp"

#include <fmt/format.h>
#include <set>
#include <utility>
#include <vector>

namespace finwait::control {
namespace {

namespace asio = boost::asio;

struct Killed {
    Batch batch;
    std::vector<engine::KillResult> results;  // of the batch's flows

    [[nodiscard]] std::optional<std::uint32_t> next() const { return batch.next(); }
};

Killed kill_batch(const shard::Handle& shard, Instant now, Batch batch) {
    Killed killed{std::move(batch), {}};
    killed.results.reserve(killed.batch.flows().size());
    for (const engine::FlowReport& flow : killed.batch.flows()) {
        killed.results.push_back(shard.engine->kill(now, flow.id));
    }
    if (!killed.results.empty() && shard.wake) shard.wake();
    return killed;
}

/// "failed" counts flows that live on; one that was closed or gone already needs no reset.
struct KillSums {
    std::size_t matched = 0;
    std::size_t requested = 0;
    std::size_t failed = 0;

    void add(engine::KillResult result) {
        ++matched;
        if (result == engine::KillResult::requested) ++requested;
        if (result == engine::KillResult::not_exact || result == engine::KillResult::untouchable) ++failed;
    }
};

std::string vanished_line(const std::string& id) {
    return data_line("killed", R"({"id":")" + id + R"(","result":")" +
                                   std::string(engine::name(engine::KillResult::not_found)) + "\"}");
}

}  // namespace

asio::awaitable<bool> kill(const Context& context, const Selection& selection, Writer& writer) {
    Step<Killed> step;
    step.visit = [visit = selection.visit](const shard::Handle& shard, Instant now, std::uint32_t cursor) {
        return kill_batch(shard, now, visit(shard, now, cursor));
    };
    KillSums sums;
    std::set<std::string> left;
    for (const engine::FlowId id : selection.ids)
        left.insert(id.text());
    step.take = [&sums, &left, &context, by = writer.requester()](const Killed& killed, std::string& text) {
        std::string json;
        for (std::size_t i = 0; i < killed.results.size(); ++i) {
            sums.add(killed.results[i]);
            if (context.hooks.killed) context.hooks.killed(by, killed.batch.flows()[i], killed.results[i]);
            left.erase(killed.batch.flows()[i].id.text());
            json.clear();
            append_kill(json, killed.batch.flows()[i], killed.results[i]);
            text += data_line("killed", json);
        }
    };
    const Walk end = co_await walk<Killed>(context, writer, step);
    if (end != Walk::complete) co_return end == Walk::failed;
    std::string text;
    for (const std::string& id : left)
        text += vanished_line(id);
    const std::string json = fmt::format(R"({{"matched":{},"requested":{},"failed":{}}})", sums.matched,
                                         sums.requested, sums.failed);
    const bool alive = co_await send(writer, text + done_line(json));
    co_return alive;
}

}  // namespace finwait::control
