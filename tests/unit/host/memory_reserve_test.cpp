#include "host/memory_reserve.hpp"

#include <cstdlib>
#include <fstream>
#include <new>
#include <sys/resource.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace finwait::host {
namespace {

/// No more address space than the process has now, and `more`.
void limit_memory(std::size_t more) {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    rlimit limit{};
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + more;
    setrlimit(RLIMIT_AS, &limit);
}

/// Takes all that malloc has.
void use_up() {
    for (std::size_t size = 1U << 20U; size >= 16; size /= 2)
        while (void* volatile taken = std::malloc(size))
            static_cast<void>(taken);
}

[[nodiscard]] bool new_finds_memory() {
    try {
        void* volatile taken = ::operator new(4096);
        return taken != nullptr;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

[[noreturn, maybe_unused]] void run_short() {
    keep_memory_back();
    if (memory_is_short()) std::_Exit(1);
    limit_memory(0);
    use_up();
    if (!new_finds_memory()) std::_Exit(2);
    if (!memory_is_short()) std::_Exit(3);
    int found = 0;
    while (new_finds_memory())
        if (++found > 1'000'000) std::_Exit(4);
    if (found < 100) std::_Exit(5);
    if (!memory_is_short()) std::_Exit(6);
    limit_memory(std::size_t{16} << 20U);
    if (memory_is_short() || !new_finds_memory()) std::_Exit(7);
    std::_Exit(0);
}

TEST(MemoryReserve, IsGivenAwayWhenThereIsNoMemoryAndTakenBackWhenThereIs) {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "a sanitizer has an allocator of its own";
#else
    EXPECT_EXIT(run_short(), testing::ExitedWithCode(0), "");
#endif
}

TEST(MemoryReserve, WhatIsLeftOutIsCounted) {
    const std::uint64_t before = times_without_memory();
    note_no_memory();
    EXPECT_EQ(times_without_memory(), before + 1);
}

}  // namespace
}  // namespace finwait::host
