// Work that may never come back, for a thread that must not wait for it for long: a name service whose server
// does not answer.
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

namespace finwait::control {

/// What `work` returns, or nothing when that takes longer than `patience`: then its thread is left to itself,
/// and `work` must own all it needs. REQUIRES: `work` throws nothing.
template<typename Result>
[[nodiscard]] std::optional<Result> within(std::chrono::milliseconds patience, std::function<Result()> work) {
    auto task = std::make_shared<std::packaged_task<Result()>>(std::move(work));
    std::future<Result> result = task->get_future();
    std::thread([task] { (*task)(); }).detach();
    if (result.wait_for(patience) != std::future_status::ready) return std::nullopt;
    return result.get();
}

}  // namespace finwait::control
