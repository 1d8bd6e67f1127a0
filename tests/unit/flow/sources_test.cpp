#include "flow/sources.hpp"

#include "flow/prefix.hpp"

#include <algorithm>
#include <memory_resource>
#include <new>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace finwait::flow {
namespace {

const tcp::Address kA = *tcp::Address::parse("10.0.0.1");
const tcp::Address kB = *tcp::Address::parse("2001:db8::1");
const tcp::Address kPeer = *tcp::Address::parse("192.0.2.1");
const tcp::Address kOther = *tcp::Address::parse("192.0.2.2");

Sources prepared(std::uint32_t limit = 1000) {
    Sources s(limit, {1, 2}, *std::pmr::new_delete_resource());
    s.prepare();
    return s;
}

tcp::Address address(std::uint32_t number) {
    const std::array<std::uint8_t, 4> bytes = {10, static_cast<std::uint8_t>(number >> 16U),
                                               static_cast<std::uint8_t>(number >> 8U),
                                               static_cast<std::uint8_t>(number)};
    return tcp::Address::v4(bytes);
}

TEST(Sources, TheLongestWithoutProgressComesFirst) {
    Sources s = prepared();
    for (const std::uint32_t slot : {7U, 9U, 3U})
        s.add(slot, kA, kPeer);
    s.add(9, kA, kPeer);
    EXPECT_EQ(s.longest_idle(3), 7U);
    s.progress(7);
    EXPECT_EQ(s.longest_idle(3), 9U);
    s.progress(3);
    s.remove(9);
    EXPECT_EQ(s.longest_idle(3), 7U);
}

TEST(Sources, AFlowInTheMiddleLeavesItsNeighboursInOrder) {
    Sources s = prepared();
    for (std::uint32_t slot = 0; slot < 5; ++slot)
        s.add(slot, kA, kPeer);
    s.remove(2);
    s.remove(4);
    s.remove(4);
    for (const std::uint32_t expected : {0U, 1U, 3U}) {
        EXPECT_EQ(s.longest_idle(3), expected);
        s.remove(expected);
    }
    EXPECT_EQ(s.sources(), 0U);
}

TEST(Sources, TooManyAreMoreThanTheLimitOfASource) {
    Sources s = prepared();
    for (std::uint32_t slot = 0; slot < 3; ++slot)
        s.add(slot, kA, kPeer);
    s.add(10, kB, kPeer);
    EXPECT_FALSE(s.too_many(2, 3));
    s.add(3, kA, kPeer);
    EXPECT_TRUE(s.too_many(3, 3));
    EXPECT_FALSE(s.too_many(10, 3)) << "another source";
    EXPECT_EQ(s.sources(), 2U);
}

TEST(Sources, APeerUsesUpItsOwnShareOfASourceAndNoOthers) {
    Sources s = prepared();
    s.add(100, kA, kOther);
    s.add(101, kA, kOther);
    for (std::uint32_t slot = 0; slot < 50; ++slot)
        s.add(slot, kA, kPeer);
    EXPECT_TRUE(s.too_many(0, 10));
    EXPECT_FALSE(s.too_many(100, 10)) << "two of the five that are its peer's share";
}

TEST(Sources, OneFlowWithAPeerIsNeverTooMany) {
    Sources s = prepared();
    for (std::uint32_t slot = 0; slot < 50; ++slot)
        s.add(slot, kA, address(slot));
    EXPECT_FALSE(s.too_many(49, 10));
    s.add(50, kA, address(49));
    EXPECT_TRUE(s.too_many(50, 10));
}

TEST(Sources, KeepTheirBooksThroughAnyOrderOfEvents) {
    constexpr std::uint32_t kSlots = 300;
    Sources s = prepared(kSlots);
    std::mt19937 generator(4711);
    const auto below = [&](std::size_t n) { return static_cast<std::uint32_t>(generator() % n); };
    std::vector<std::uint32_t> in;  // longest idle first
    std::vector<std::uint32_t> pair(kSlots);
    const auto source = [](std::uint32_t p) { return address(p % 5); };
    for (int i = 0; i < 20'000; ++i) {
        const std::uint32_t slot = below(kSlots);
        const auto at = std::ranges::find(in, slot);
        const bool present = at != in.end();
        switch (below(3)) {
            case 0:
                if (present) break;
                pair[slot] = below(20);
                s.add(slot, source(pair[slot]), address(100 + pair[slot]));
                in.push_back(slot);
                break;
            case 1:
                s.remove(slot);
                if (present) in.erase(at);
                break;
            default:
                s.progress(slot);
                if (present) std::rotate(at, at + 1, in.end());
        }
        if (in.empty()) continue;
        const std::uint32_t any = in[below(in.size())];
        const auto first = std::ranges::find(in, pair[any], [&](std::uint32_t other) { return pair[other]; });
        ASSERT_EQ(s.longest_idle(any), *first) << i;
    }
    s.clear();
    EXPECT_EQ(s.sources(), 0U);
}

/// Hands out what is asked for until it is told to stop.
class Memory : public std::pmr::memory_resource {
  public:
    bool empty = false;

  private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        if (empty) throw std::bad_alloc();
        return std::pmr::new_delete_resource()->allocate(bytes, alignment);
    }
    void do_deallocate(void* from, std::size_t bytes, std::size_t alignment) override {
        std::pmr::new_delete_resource()->deallocate(from, bytes, alignment);
    }
    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
        return this == &other;
    }
};

TEST(Sources, NeedNoMemoryOnceTheyArePrepared) {
    Memory memory;
    constexpr std::uint32_t kFlows = 5000;
    Sources s(kFlows, {1, 2}, memory);
    s.prepare();
    memory.empty = true;
    for (int round = 0; round < 3; ++round) {
        for (std::uint32_t slot = 0; slot < kFlows; ++slot)
            s.add(slot, address(slot), address(kFlows - slot));
        EXPECT_EQ(s.sources(), kFlows);
        s.clear();
    }
}

TEST(Sources, ThatCannotBePreparedAreAsBefore) {
    Memory memory;
    memory.empty = true;
    Sources s(1000, {1, 2}, memory);
    EXPECT_THROW(s.prepare(), std::bad_alloc);
    EXPECT_FALSE(s.prepared());
    s.progress(3);
    s.remove(3);
    s.clear();
    EXPECT_EQ(s.sources(), 0U);
}

TEST(Prefixes, AHostsIPv6AddressesAreOneSourceAndIPv4AddressesAreSeparate) {
    const Prefixes p;
    EXPECT_EQ(p.source_of(*tcp::Address::parse("2001:db8:1:2:3:4:5:6")),
              *tcp::Address::parse("2001:db8:1:2::"));
    EXPECT_NE(p.source_of(*tcp::Address::parse("2001:db8:1:2::1")),
              p.source_of(*tcp::Address::parse("2001:db8:1:3::1")));
    EXPECT_EQ(p.source_of(kA), kA);
}

TEST(Prefixes, EndInTheMiddleOfAByteWhereTheyAreToldTo) {
    const Prefixes p{20, 61};
    EXPECT_EQ(p.source_of(*tcp::Address::parse("10.1.255.7")), *tcp::Address::parse("10.1.240.0"));
    EXPECT_EQ(p.source_of(*tcp::Address::parse("2001:db8:0:f::1")), *tcp::Address::parse("2001:db8:0:8::"));
    const Prefixes all{0, 0};
    EXPECT_EQ(all.source_of(kA), all.source_of(kPeer));
    EXPECT_NE(all.source_of(kA), all.source_of(kB)) << "IPv4 is not IPv6";
    const Prefixes each{32, 128};
    EXPECT_EQ(each.source_of(kB), kB);
}

}  // namespace
}  // namespace finwait::flow
