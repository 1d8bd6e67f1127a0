#include "control/flow_commands.hpp"

#include "control/answer.hpp"
#include "control/batch.hpp"
#include "control/explain_json.hpp"

#include <fmt/format.h>
#include <utility>
#include <vector>

namespace finwait::control {
namespace {

namespace asio = boost::asio;

Step<Batch> visiting(const Context& context, const policy::Filter& filter) {
    Step<Batch> step;
    step.visit = [filter, slots = context.options.batch_slots](const shard::Handle& shard, Instant now,
                                                               std::uint32_t cursor) {
        return Batch::visit(*shard.engine, now, cursor, slots, filter);
    };
    return step;
}

asio::awaitable<bool> list(const Context& context, const policy::Filter& filter, Writer& writer) {
    Step<Batch> step = visiting(context, filter);
    std::string json;
    step.take = [&json](const Batch& batch, std::string& text) {
        for (const engine::FlowReport& flow : batch.flows()) {
            json.clear();
            append_flow(json, flow, Detail::brief);
            text += data_line("flow", json);
        }
    };
    const Walk end = co_await walk<Batch>(context, writer, step);
    if (end != Walk::complete) co_return end == Walk::failed;
    const bool alive = co_await send(writer, done_line());
    co_return alive;
}

asio::awaitable<bool> count(const Context& context, const policy::Filter& filter, Writer& writer) {
    Step<Batch> step = visiting(context, filter);
    std::size_t flows = 0;
    step.take = [&flows](const Batch& batch, std::string&) { flows += batch.flows().size(); };
    const Walk end = co_await walk<Batch>(context, writer, step);
    if (end != Walk::complete) co_return end == Walk::failed;
    const std::string sum = fmt::format(R"({{"count":{}}})", flows);
    const bool alive = co_await send(writer, done_line(sum));
    co_return alive;
}

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

asio::awaitable<bool> kill(const Context& context, const policy::Filter& filter, Writer& writer) {
    Step<Killed> step;
    step.visit = [filter, slots = context.options.batch_slots](const shard::Handle& shard, Instant now,
                                                               std::uint32_t cursor) {
        return kill_batch(shard, now, Batch::visit(*shard.engine, now, cursor, slots, filter));
    };
    KillSums sums;
    step.take = [&sums](const Killed& killed, std::string& text) {
        std::string json;
        for (std::size_t i = 0; i < killed.results.size(); ++i) {
            sums.add(killed.results[i]);
            json.clear();
            append_kill(json, killed.batch.flows()[i], killed.results[i]);
            text += data_line("killed", json);
        }
    };
    const Walk end = co_await walk<Killed>(context, writer, step);
    if (end != Walk::complete) co_return end == Walk::failed;
    const std::string json = fmt::format(R"({{"matched":{},"requested":{},"failed":{}}})", sums.matched,
                                         sums.requested, sums.failed);
    const bool alive = co_await send(writer, done_line(json));
    co_return alive;
}

using FlowCommand = asio::awaitable<bool> (*)(const Context&, const policy::Filter&, Writer&);

asio::awaitable<bool> with_filter(const Context& context, const std::string& text, Writer& writer,
                                  FlowCommand command) {
    std::variant<policy::Filter, policy::FilterError> parsed = policy::Filter::parse(text);
    if (const auto* wrong = std::get_if<policy::FilterError>(&parsed)) {
        Error error{ErrorCode::filter, wrong->message, wrong->column};
        const bool alive = co_await fail(writer, error);
        co_return alive;
    }
    const policy::Filter filter = std::get<policy::Filter>(std::move(parsed));
    const bool alive = co_await command(context, filter, writer);
    co_return alive;
}

asio::awaitable<bool> not_found(Writer& writer, const std::string& id) {
    return fail(writer, {ErrorCode::not_found, "no flow " + id + ": it is gone, or never was", 0});
}

/// Asks the one shard that has the flow; `answer` makes the answer's line of what it found.
template<typename Found>
asio::awaitable<bool> with_flow(const Context& context, const std::string& text, Writer& writer,
                                std::optional<Found> (*find)(engine::Engine&, Instant, engine::FlowId),
                                std::string (*answer)(const Found&)) {
    const std::optional<engine::FlowId> id = engine::FlowId::parse(text);
    if (!id) {
        Error error{ErrorCode::filter, "\"" + text + "\" is no flow's id; they look like 3f2a-17", 0};
        const bool alive = co_await fail(writer, error);
        co_return alive;
    }
    if (id->shard() >= context.shards.size()) {
        const bool alive = co_await not_found(writer, text);
        co_return alive;
    }
    using Answer = std::optional<Found>;
    Question<Answer> question = [find, wanted = *id](engine::Engine& engine, Instant now) {
        return find(engine, now, wanted);
    };
    std::optional<Answer> found =
        co_await ask<Answer>(context.shards[id->shard()], std::move(question), context.options.shard_timeout);
    bool alive = false;
    if (!found) {
        alive = co_await fail(writer, silent_shard(id->shard()));
    } else if (!*found) {
        alive = co_await not_found(writer, text);
    } else {
        alive = co_await send(writer, answer(**found) + done_line());
    }
    co_return alive;
}

std::optional<Batch> find_one(engine::Engine& engine, Instant now, engine::FlowId id) {
    Batch batch = Batch::find(engine, now, id);
    if (batch.flows().empty()) return std::nullopt;
    return batch;
}

std::string flow_line(const Batch& batch) {
    std::string json;
    append_flow(json, batch.flows().front(), Detail::sides);
    return data_line("flow", json);
}

std::optional<engine::Explanation> explain_one(engine::Engine& engine, Instant now, engine::FlowId id) {
    return engine.explain(now, id);
}

std::string explanation_line(const engine::Explanation& explanation) {
    return data_line("explanation", explanation_json(explanation));
}

}  // namespace

asio::awaitable<bool> execute_on_flows(const Context& context, const Request& request, Writer& writer) {
    switch (request.command) {
        case Command::list: return with_filter(context, request.filter, writer, &list);
        case Command::count: return with_filter(context, request.filter, writer, &count);
        case Command::kill: return with_filter(context, request.filter, writer, &kill);
        case Command::explain:
            return with_flow<engine::Explanation>(context, request.id, writer, &explain_one,
                                                  &explanation_line);
        default: return with_flow<Batch>(context, request.id, writer, &find_one, &flow_line);
    }
}

}  // namespace finwait::control
