// Asks a shard something and waits for the answer, on the control thread, without ever waiting for ever: the
// question runs on the shard's thread, the answer is posted back.
#pragma once

#include "shard/handle.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace finwait::control {

template<typename Answer>
using Question = std::function<Answer(engine::Engine&, Instant)>;

template<typename Answer>
struct PendingAnswer {
    explicit PendingAnswer(const boost::asio::any_io_executor& executor) : timer(executor) {}

    boost::asio::steady_timer timer;
    std::optional<Answer> answer;
    bool without_memory = false;  // there was none to answer with
};

/// Runs a question. Without memory for it there is no answer, but the shard goes on.
template<typename Answer>
std::optional<Answer> answer_of(const Question<Answer>& question, engine::Engine& engine, Instant now) {
    try {
        return std::optional<Answer>(std::in_place, question(engine, now));
    } catch (const std::bad_alloc&) {
        return std::nullopt;
    }
}

/// The answer, or nothing when the shard has not given one within `limit`. Only the asking coroutine owns the
/// pending answer: one that comes too late finds nobody. Throws std::bad_alloc where the shard had no memory.
template<typename Answer>
boost::asio::awaitable<std::optional<Answer>> ask(const shard::Handle& shard, Question<Answer> question,
                                                  std::chrono::milliseconds limit) {
    const boost::asio::any_io_executor executor = co_await boost::asio::this_coro::executor;
    const auto pending = std::make_shared<PendingAnswer<Answer>>(executor);
    const std::weak_ptr<PendingAnswer<Answer>> asker = pending;
    pending->timer.expires_after(limit);

    shard.ask([executor, asker, question = std::move(question)](engine::Engine& engine, Instant now) {
        boost::asio::post(executor, [asker, answer = answer_of(question, engine, now)]() mutable {
            const auto waiting = asker.lock();
            if (!waiting) return;
            waiting->without_memory = !answer;
            waiting->answer = std::move(answer);
            waiting->timer.cancel();
        });
    });

    boost::system::error_code cancelled;  // by the answer
    co_await pending->timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
    if (pending->without_memory) throw std::bad_alloc();
    co_return std::move(pending->answer);
}

}  // namespace finwait::control
