#include "control/flow_commands.hpp"

#include "control/answer.hpp"
#include "control/batch.hpp"
#include "control/best.hpp"
#include "control/count_command.hpp"
#include "control/explain_json.hpp"
#include "control/kill_command.hpp"
#include "control/selection.hpp"

#include <fmt/format.h>
#include <functional>
#include <utility>
#include <vector>

namespace finwait::control {
namespace {

namespace asio = boost::asio;

/// Without a `look_up` the addresses are left out.
asio::awaitable<bool> list_with(const Context& context, const Selection& selection, Writer& writer,
                                LookUp look_up, Detail detail) {
    Step<Batch> step;
    step.visit = selection.visit;
    std::string json;
    step.take = [&json, &look_up, detail](const Batch& batch, std::string& text) {
        std::vector<Peers> peers;
        if (look_up) peers = look_up(batch.flows());
        for (std::size_t i = 0; i < batch.flows().size(); ++i) {
            json.clear();
            append_flow(json, batch.flows()[i], detail, look_up ? &peers[i] : nullptr);
            text += data_line("flow", json);
        }
    };
    const Walk end = co_await walk<Batch>(context, writer, step);
    if (end != Walk::complete) co_return end == Walk::failed;
    const bool alive = co_await send(writer, done_line());
    co_return alive;
}

/// Where nobody can be asked, nothing is known.
LookUp look_up_in(const Context& context) {
    if (context.hooks.look_up) return context.hooks.look_up();
    return [](const std::vector<engine::FlowReport>& flows) { return std::vector<Peers>(flows.size()); };
}

/// Only the first so many by an order; they come when all have been looked at.
asio::awaitable<bool> list_best(const Context& context, const Selection& selection, Writer& writer,
                                Best best) {
    Step<Batch> step;
    step.visit = selection.visit;
    step.take = [&best](const Batch& batch, std::string&) {
        for (const engine::FlowReport& flow : batch.flows())
            best.offer(flow);
    };
    const Walk end = co_await walk<Batch>(context, writer, step);
    if (end != Walk::complete) co_return end == Walk::failed;
    std::string text;
    std::string json;
    for (const engine::FlowReport* flow : best.sorted()) {
        json.clear();
        append_flow(json, *flow, Detail::brief);
        text += data_line("flow", json);
    }
    text += done_line(fmt::format(R"({{"matched":{}}})", best.offered()));
    const bool alive = co_await send(writer, std::move(text));
    co_return alive;
}

using FlowCommand = std::function<asio::awaitable<bool>(const Context&, const Selection&, Writer&)>;

asio::awaitable<bool> with_selection(const Context& context, const Request& request, Writer& writer,
                                     FlowCommand command) {
    const std::variant<Selection, Error> selected = select(context, request);
    bool alive = false;
    if (const auto* error = std::get_if<Error>(&selected))
        alive = co_await fail(writer, *error);
    else
        alive = co_await command(context, std::get<Selection>(selected), writer);
    co_return alive;
}

asio::awaitable<bool> not_found(Writer& writer, const std::string& id) {
    return fail(writer, {ErrorCode::not_found, "no flow " + id + ": it is gone, or never was", 0});
}

/// Asks the one shard that has the flow; `answer` makes the answer's line of what it found.
template<typename Found>
asio::awaitable<bool> with_flow(const Context& context, const std::string& text, Writer& writer,
                                std::optional<Found> (*find)(engine::Engine&, Instant, engine::FlowId),
                                std::function<std::string(const Found&)> answer) {
    const std::variant<engine::FlowId, Error> parsed = parse_id(text);
    if (const auto* error = std::get_if<Error>(&parsed)) {
        const bool alive = co_await fail(writer, *error);
        co_return alive;
    }
    const auto* id = std::get_if<engine::FlowId>(&parsed);
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

std::function<std::string(const Batch&)> flow_line(const Context& context) {
    return [look_up = look_up_in(context)](const Batch& batch) {
        std::string json;
        const std::vector<Peers> peers = look_up(batch.flows());
        append_flow(json, batch.flows().front(), Detail::sides, &peers.front());
        return data_line("flow", json);
    };
}

std::optional<engine::Explanation> explain_one(engine::Engine& engine, Instant now, engine::FlowId id) {
    return engine.explain(now, id);
}

std::function<std::string(const engine::Explanation&)> explanation_line(const Context& context) {
    return [shifted = context.hooks.shifted](engine::Explanation explanation) {
        if (explanation.ambiguity == flow::Ambiguity::none && shifted && shifted(explanation.flow))
            explanation.ambiguity = flow::Ambiguity::numbers;
        return data_line("explanation", explanation_json(explanation));
    };
}

}  // namespace

asio::awaitable<bool> execute_on_flows(const Context& context, const Request& request, Writer& writer) {
    switch (request.command) {
        case Command::list:
            if (!request.sort.empty())
                return with_selection(context, request, writer,
                                      [best = Best(request.sort, request.descending, request.limit)](
                                          const Context& all, const Selection& selection, Writer& to) {
                                          return list_best(all, selection, to, best);
                                      });
            return with_selection(context, request, writer,
                                  [&request](const Context& shared, const Selection& selection, Writer& to) {
                                      return list_with(shared, selection, to,
                                                       request.addresses ? look_up_in(shared) : LookUp(),
                                                       request.sides ? Detail::sides : Detail::brief);
                                  });
        case Command::count:
            return with_selection(
                context, request, writer,
                [&by = request.by](const Context& shared, const Selection& selection, Writer& to) {
                    return count(shared, selection, by, to);
                });
        case Command::kill: return with_selection(context, request, writer, &kill);
        case Command::explain:
            return with_flow<engine::Explanation>(context, request.id, writer, &explain_one,
                                                  explanation_line(context));
        default: return with_flow<Batch>(context, request.id, writer, &find_one, flow_line(context));
    }
}

}  // namespace finwait::control
