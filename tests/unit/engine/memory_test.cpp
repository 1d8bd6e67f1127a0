// An engine without memory: packets get their verdicts, deadlines wait, and nothing is half done.
#include "support/path.hpp"

#include <cstdlib>
#include <new>

#include <gmock/gmock.h>

namespace {

bool no_memory = false;

void* allocate(std::size_t size) {
    void* const memory = no_memory ? nullptr : std::malloc(size);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

}  // namespace

// The program's own allocation functions (C++20 [replacement.functions]), so that a test can be without
// memory.
void* operator new(std::size_t size) {
    return allocate(size);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return no_memory ? nullptr : std::malloc(size);
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace finwait::engine::testing {
namespace {

using ::testing::SizeIs;

class WithoutMemory {
  public:
    WithoutMemory() { no_memory = true; }
    ~WithoutMemory() { no_memory = false; }
    WithoutMemory(const WithoutMemory&) = delete;
    WithoutMemory& operator=(const WithoutMemory&) = delete;
};

Options crowded() {
    Options options = asking();
    options.tuning.half_closed_per_source = 3;
    return options;
}

tcp::Segment between(tcp::Segment segment, std::uint16_t client_port, bool from_client) {
    const tcp::Endpoint client{*tcp::Address::parse("10.99.1.2"), client_port};
    const tcp::Endpoint server{*tcp::Address::parse("10.99.2.2"), 80};
    segment.source = from_client ? client : server;
    segment.destination = from_client ? server : client;
    return segment;
}

/// A client that has closed its direction.
void half_close(Engine& engine, Instant now, std::uint16_t port) {
    const auto pass = [&](const tcp::Segment& segment, bool from_client) {
        EXPECT_EQ(engine.on_segment(now, between(segment, port, from_client)), Verdict::accept);
    };
    pass(syn(1000), true);
    pass(syn_ack(5000, 1001), false);
    pass(ack(1001, 5001), true);
    pass(fin(1001, 5001), true);
    pass(ack(5001, 1002), false);
}

TEST(WithoutMemoryAtAll, PacketsAreFollowedAndSourcesCounted) {
    Engine engine(crowded());
    const Instant now(seconds(1000));
    {
        const WithoutMemory here;
        for (std::uint16_t port = 40'000; port < 40'500; ++port)
            half_close(engine, now, port);
    }
    EXPECT_EQ(engine.gauges().half_closed, 500U);
    EXPECT_EQ(engine.counters().crowded, 497U);
}

TEST(WithoutMemoryAtAll, NoDeadlineIsLost) {
    Engine engine(crowded());
    const Instant now(seconds(1000));
    for (std::uint16_t port = 40'000; port < 40'100; ++port)
        half_close(engine, now, port);
    const Instant later = now + seconds(5);
    Actions actions;
    {
        const WithoutMemory here;
        engine.on_tick(later, actions);
    }
    EXPECT_THAT(actions, SizeIs(0));
    EXPECT_GT(engine.counters().memory_refused, 0U);
    EXPECT_EQ(engine.counters().events_lost, 100U) << "what could not be told is counted";
    EXPECT_LE(engine.next_deadline(), later);
    for (Instant t = later; t < later + milliseconds(100); t = t + milliseconds(1))
        engine.on_tick(t, actions);  // the rate limit spreads probes in time
    EXPECT_EQ(engine.counters().probes_sent, 200U);
}

TEST(WithoutMemoryAtAll, ATuningThatCannotBePutInForceLeavesTheOneBefore) {
    Engine engine(crowded());
    const Instant now(seconds(1000));
    for (std::uint16_t port = 40'000; port < 40'010; ++port)
        half_close(engine, now, port);
    Tuning others = crowded().tuning;
    others.policies = policy::PolicySet({{"web", policy::Filter{}, {}}}, {});
    {
        Tuning moved = others;
        const WithoutMemory here;
        EXPECT_THROW(engine.tune(now, std::move(moved)), std::bad_alloc);
    }
    EXPECT_EQ(engine.policies().size(), 1U);
    EXPECT_EQ(engine.policy_counts()[0].half_closed, 10U);
    Actions actions;
    engine.on_tick(now + seconds(5), actions);
    EXPECT_EQ(engine.counters().probes_sent, 20U);
    engine.tune(now, others);
    EXPECT_EQ(engine.policies().size(), 2U);
}

}  // namespace
}  // namespace finwait::engine::testing
