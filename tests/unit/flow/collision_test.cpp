// Endpoints chosen by someone who knows the hash and not its secret: they spread over the index as chance
// would.
#include "flow/index.hpp"
#include "flow/key.hpp"

#include <algorithm>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace finwait::flow {
namespace {

constexpr std::size_t kPlaces = 1U << 16U;
constexpr std::size_t kKeys = kPlaces / 4 * 3;  // as full as the index ever is

tcp::Endpoint end(std::uint32_t address, std::uint32_t port) {
    const std::array<std::uint8_t, 4> bytes{
        static_cast<std::uint8_t>(address >> 24U), static_cast<std::uint8_t>(address >> 16U),
        static_cast<std::uint8_t>(address >> 8U), static_cast<std::uint8_t>(address)};
    return {tcp::Address::v4(bytes), static_cast<std::uint16_t>(port)};
}

tcp::Endpoint end6(std::uint32_t network, std::uint32_t host, std::uint32_t port) {
    std::array<std::uint8_t, 16> bytes{0x20, 0x01, 0x0d, 0xb8};
    for (unsigned i = 0; i < 4; ++i) {
        bytes[4 + i] = static_cast<std::uint8_t>(network >> 8U * i);
        bytes[12 + i] = static_cast<std::uint8_t>(host >> 8U * i);
    }
    return {tcp::Address::v6(bytes), static_cast<std::uint16_t>(port)};
}

struct Walk {
    double mean = 0;          // places looked at to find that a key is not there
    std::size_t longest = 0;  // the longest run of places that are taken
};

/// What the index would look like: the places that these hashes take, each the first free one from its home
/// on.
Walk walk(const std::vector<std::uint64_t>& hashes) {
    std::vector<bool> taken(kPlaces);
    for (const std::uint64_t h : hashes) {
        std::size_t at = h & (kPlaces - 1);
        while (taken[at])
            at = (at + 1) & (kPlaces - 1);
        taken[at] = true;
    }
    Walk result;
    std::size_t run = 0;
    double looked_at = 0;
    for (const bool t : taken) {
        run = t ? run + 1 : 0;
        looked_at += static_cast<double>(run) + 1;
        result.longest = std::max(result.longest, run);
    }
    result.mean = looked_at / static_cast<double>(kPlaces);
    return result;
}

std::vector<std::uint64_t> hashed(const HashKey& secret, const std::vector<Key>& keys) {
    std::vector<std::uint64_t> out;
    for (const Key& k : keys)
        out.push_back(hash(secret, k));
    return out;
}

template<typename Make>
std::vector<Key> keys(Make make) {
    std::vector<Key> out;
    for (std::uint32_t i = 0; i < kKeys; ++i)
        out.push_back(make(i));
    return out;
}

/// Linear probing at three quarters: 8.5 places on average (Knuth, The Art of Computer Programming 6.4), and
/// runs of a few hundred at most. A chain that somebody has built would be as long as he likes.
void expect_as_by_chance(const std::vector<Key>& chosen, const char* what) {
    std::mt19937_64 random(1);
    for (int round = 0; round < 3; ++round) {
        const Walk w = walk(hashed({random(), random()}, chosen));
        EXPECT_LT(w.mean, 10) << what;
        EXPECT_LT(w.longest, 600U) << what;
    }
}

TEST(Collisions, EndpointsInARowSpreadAsByChance) {
    const auto server = end(0x0A630202, 80);
    expect_as_by_chance(keys([&](auto i) { return Key::of(end(0x0A000001, i), server); }), "ports");
    expect_as_by_chance(keys([&](auto i) { return Key::of(end(0x0A000000 + i, 1024), server); }),
                        "addresses");
    expect_as_by_chance(keys([&](auto i) { return Key::of(end(0x0A000000 + (i << 8U), 1024), server); }),
                        "networks");
    expect_as_by_chance(keys([&](auto i) { return Key::of(end6(i, 1, 1024), end6(7, 7, 443)); }),
                        "IPv6 networks");
    expect_as_by_chance(keys([&](auto i) { return Key::of(end6(1, i, 1024), end6(7, 7, 443)); }),
                        "IPv6 hosts");
}

TEST(Collisions, PairsOfWhichTheExclusiveOrOrTheSumIsTheSameSpreadAsByChance) {
    expect_as_by_chance(
        keys([](auto i) { return Key::of(end(0x0A000000 ^ i, 1024), end(0x0B000000 ^ i, 80)); }),
        "addresses, xor");
    expect_as_by_chance(
        keys([](auto i) { return Key::of(end(0x0A000000 + i, 1024), end(0x0B100000 - i, 80)); }),
        "addresses, sum");
    expect_as_by_chance(
        keys([](auto i) { return Key::of(end(0x0A000001, i), end(0x0A000002, i ^ 0xFFFFU)); }), "ports, xor");
    expect_as_by_chance(
        keys([](auto i) { return Key::of(end(0x0A000000 ^ i, i), end(0x0B000000, 0xFFFFU ^ i)); }), "both");
}

TEST(Collisions, EndsThatHaveSwappedTheirPortsAreOtherFlowsAndSpreadAsByChance) {
    const auto swapped = keys([](auto i) {
        const std::uint32_t port = 1 + i / 2;
        return i % 2 == 0 ? Key::of(end(0x0A000001, port), end(0x0A000002, port + 30'000))
                          : Key::of(end(0x0A000001, port + 30'000), end(0x0A000002, port));
    });
    expect_as_by_chance(swapped, "swapped");
    const auto hashes = hashed({1, 2}, swapped);
    EXPECT_EQ(std::set(hashes.begin(), hashes.end()).size(), kKeys);
}

TEST(Collisions, WhatCollidesUnderOneSecretDoesNotUnderAnother) {
    const HashKey known{17, 4};
    std::vector<Key> chosen;
    for (std::uint32_t i = 0; chosen.size() < 2048; ++i) {
        const Key k = Key::of(end(0x0A000000 + (i >> 16U), i), end(0x0B000001, 80));
        if ((hash(known, k) & (kPlaces - 1)) >> 6U == 0) chosen.push_back(k);  // 64 neighbouring homes
    }
    EXPECT_GE(walk(hashed(known, chosen)).longest, 2048U) << "who knows the secret builds one chain";
    EXPECT_LT(walk(hashed({17, 5}, chosen)).longest, 32U) << "who does not builds none";
}

TEST(Collisions, TheIndexFindsEveryKeyInTheWorstChainOfAll) {
    constexpr std::uint32_t kAll = 3000;
    Index index(kAll, *std::pmr::new_delete_resource());
    for (std::uint32_t slot = 0; slot < kAll; ++slot)
        index.insert(0, slot);
    for (std::uint32_t slot = 0; slot < kAll; ++slot)
        EXPECT_EQ(index.find(0, [slot](std::uint32_t s) { return s == slot; }), slot);
    EXPECT_EQ(index.find(0, [](std::uint32_t) { return false; }), Index::kSlots);
}

}  // namespace
}  // namespace finwait::flow
