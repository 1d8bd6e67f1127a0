// What the core's benchmarks share. A burst's work is timed by itself, without the making of its packets; a
// clock is read twice for 64 packets.
#pragma once

#include "core_flows.hpp"

#include <benchmark/benchmark.h>
#include <chrono>
#include <cstdint>

namespace finwait::bench {

/// From a thousand flows, which stay in the cache, to more than any cache holds.
inline void flow_counts(benchmark::internal::Benchmark* b) {
    for (const std::int64_t kind : {0, 1, 2})
        for (const std::int64_t flows : {1'000, 10'000, 100'000, 1'000'000, 4'000'000})
            for (const std::int64_t order : {0, 1})
                b->Args({flows, order, kind});
    b->ArgNames({"flows", "order", "kind"});
    b->UseManualTime();
}

inline void label(benchmark::State& state) {
    state.SetLabel(std::string(name(Order(state.range(1)))) + " " + std::string(name(Kind(state.range(2)))));
}

/// Seconds for one of the packets that were handled.
inline void per_packet(benchmark::State& state, std::uint64_t packets) {
    state.counters["per_packet"] = benchmark::Counter(
        static_cast<double>(packets), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

template<typename Work>
void timed(benchmark::State& state, Work work) {
    const auto begun = std::chrono::steady_clock::now();
    work();
    state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
}

}  // namespace finwait::bench
