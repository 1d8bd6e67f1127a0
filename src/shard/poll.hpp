// Asks all shards the same at once, from another thread, and waits for their answers.
#pragma once

#include "shard/shard.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <vector>

namespace finwait::shard {

using Shards = std::span<const std::unique_ptr<Shard>>;

/// Of each item, whether `ask(engine, now, item)` is true in any shard; empty when `stop` has become true.
/// Packets wait meanwhile: no more items than a burst has.
template<typename Item, typename Ask>
std::optional<std::vector<bool>> poll(Shards shards, const std::atomic<bool>& stop, std::vector<Item> items,
                                      Ask ask) {
    // Outlives whoever asks: a shard that is stopped never comes to it.
    struct Question {
        Question(std::vector<Item> asked, std::size_t count)
            : items(std::move(asked)),
              yes(count, std::vector<std::uint8_t>(items.size())),
              waiting(static_cast<std::ptrdiff_t>(count)) {}
        std::vector<Item> items;
        std::vector<std::vector<std::uint8_t>> yes;  // by shard, which writes it
        std::latch waiting;
    };
    const auto question = std::make_shared<Question>(std::move(items), shards.size());
    for (std::size_t i = 0; i < shards.size(); ++i) {
        const Handle handle = shards[i]->handle();
        handle.ask([question, i, ask, wake = handle.wake](engine::Engine& engine, Instant now) {
            for (std::size_t n = 0; n < question->items.size(); ++n)
                question->yes[i][n] = ask(engine, now, question->items[n]) ? 1 : 0;
            question->waiting.count_down();
            wake();
        });
    }
    while (!question->waiting.try_wait()) {
        if (stop) return std::nullopt;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::vector<bool> any(question->items.size());
    for (const auto& shard : question->yes)
        for (std::size_t n = 0; n < shard.size(); ++n)
            if (shard[n] != 0) any[n] = true;
    return any;
}

}  // namespace finwait::shard
