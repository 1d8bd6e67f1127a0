#include "policy/filter_support.hpp"

#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

namespace {

std::size_t allocations = 0;

}  // namespace

// The program's own allocation functions (C++20 [replacement.functions]), so that a test can count.
void* operator new(std::size_t size) {
    ++allocations;
    if (void* memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    ++allocations;
    return std::malloc(size);
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace finwait::policy {
namespace {

TEST(Filter, MatchesWithoutAllocating) {
    const auto everything = filter(
        "not (port 1 or client-port 2) (state fin-wait-2 or client-state closed) server-state close-wait "
        "closer client client 10.0.0.0/8 server 10.99.2.2 host ::/0 or idle > 1s age < 1d policy web phase "
        "probing");
    const auto subject = web_flow();
    const auto before = allocations;
    const bool matched = everything.matches(subject);
    EXPECT_EQ(allocations, before);
    EXPECT_TRUE(matched);
}

}  // namespace
}  // namespace finwait::policy
