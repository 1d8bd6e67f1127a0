// The pieces that answers are made of: writing lines, and the walk over all flows of all shards.
#pragma once

#include "control/ask.hpp"
#include "control/commands.hpp"
#include "control/gather.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/awaitable.hpp>

namespace finwait::control {

[[nodiscard]] inline boost::asio::awaitable<bool> send(Writer& writer, std::string text) {
    const bool alive = co_await writer.write(text);
    co_return alive;
}

[[nodiscard]] inline boost::asio::awaitable<bool> fail(Writer& writer, const Error& error) {
    return send(writer, error_line(error));
}

/// How a walk over the shards ended. After `failed` the client has been told and is still there.
enum class Walk : std::uint8_t { complete, failed, gone };

/// Lines are gathered for the client: to wake it for every batch would cost packets their processor.
inline constexpr std::size_t kWorthWriting = 32'768;

template<typename Answer>
struct Step {
    /// On the shard's thread: what lies from the cursor on.
    std::function<Answer(const shard::Handle&, Instant, std::uint32_t cursor)> visit;
    /// On the control thread: its lines, if any, into the text.
    std::function<void(const Answer&, std::string&)> take;
};

/// Visits all flows of all shards, batch after batch, at the speed at which the client reads.
template<typename Answer>
boost::asio::awaitable<Walk> walk(const Context& context, Writer& writer, const Step<Answer>& step) {
    std::string text;
    for (std::size_t i = 0; i < context.shards.size(); ++i) {
        const shard::Handle& shard = context.shards[i];
        std::optional<std::uint32_t> cursor = 0;
        while (cursor) {
            // The question owns all it needs: the shard may get to it after this coroutine has given up.
            Question<Answer> question = [visit = step.visit, shard, from = *cursor](
                                            engine::Engine&, Instant now) { return visit(shard, now, from); };
            std::optional<Answer> answer =
                co_await ask<Answer>(shard, std::move(question), context.options.shard_timeout);
            if (!answer) {
                const bool alive = co_await fail(writer, silent_shard(i));
                co_return alive ? Walk::failed : Walk::gone;
            }
            cursor = answer->next();
            step.take(*answer, text);
            if (text.size() < kWorthWriting) continue;
            const bool alive = co_await writer.write(text);
            if (!alive) co_return Walk::gone;
            text.clear();
        }
    }
    const bool alive = text.empty() || co_await writer.write(text);
    co_return alive ? Walk::complete : Walk::gone;
}

}  // namespace finwait::control
