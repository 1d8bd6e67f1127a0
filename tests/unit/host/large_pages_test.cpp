#include "host/large_pages.hpp"

#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace finwait::host {
namespace {

std::uintptr_t number(const void* address) {
    return reinterpret_cast<std::uintptr_t>(address);
}

/// Whether the kernel was asked for large pages where `address` lies: flag "hg" in smaps.
bool asked_for(const void* address) {
    std::ifstream maps("/proc/self/smaps");
    bool here = false;
    for (std::string line; std::getline(maps, line);) {
        std::uintptr_t from = 0;
        std::uintptr_t to = 0;
        if (std::sscanf(line.c_str(), "%lx-%lx ", &from, &to) == 2)
            here = number(address) >= from && number(address) < to;
        if (here && line.starts_with("VmFlags:")) return line.find(" hg") != line.npos;
    }
    return false;
}

TEST(LargePages, HoldWhatIsPutIntoThem) {
    std::pmr::vector<std::uint64_t> numbers(&large_pages());
    numbers.reserve(LargePages::kPage);
    for (std::uint64_t i = 0; i < LargePages::kPage; ++i)
        numbers.push_back(i);
    EXPECT_EQ(number(numbers.data()) % LargePages::kPage, 0U);
    EXPECT_EQ(numbers[LargePages::kPage / 2], LargePages::kPage / 2);
    EXPECT_EQ(numbers.back(), LargePages::kPage - 1);
}

TEST(LargePages, AreAskedForWhereTheKernelHasThem) {
    if (!std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled")) GTEST_SKIP() << "this kernel has none";
    const std::pmr::vector<std::byte> bytes(2 * LargePages::kPage, &large_pages());
    EXPECT_TRUE(asked_for(bytes.data()));
}

TEST(LargePages, AreNotTakenForLittle) {
    void* const little = large_pages().allocate(100, 64);
    EXPECT_EQ(number(little) % 64, 0U);
    std::memset(little, 1, 100);
    EXPECT_FALSE(asked_for(little));
    large_pages().deallocate(little, 100, 64);
}

TEST(LargePages, AreTheSameMemoryForAllWhoUseThem) {
    LargePages others;
    EXPECT_EQ(large_pages(), others);
    EXPECT_NE(large_pages(), *std::pmr::new_delete_resource());
}

}  // namespace
}  // namespace finwait::host
