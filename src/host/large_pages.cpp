#include "host/large_pages.hpp"

#include <algorithm>
#include <new>
#include <sys/mman.h>

namespace finwait::host {

namespace {

std::align_val_t aligned(std::size_t bytes, std::size_t alignment) {
    return std::align_val_t(bytes < LargePages::kPage ? alignment : std::max(alignment, LargePages::kPage));
}

}  // namespace

void* LargePages::do_allocate(std::size_t bytes, std::size_t alignment) {
    void* const memory = ::operator new(bytes, aligned(bytes, alignment));
    // A wish: a kernel without large pages refuses, and all is as it would be anyway.
    if (bytes >= kPage) static_cast<void>(::madvise(memory, bytes, MADV_HUGEPAGE));
    return memory;
}

void LargePages::do_deallocate(void* from, std::size_t bytes, std::size_t alignment) {
    ::operator delete(from, bytes, aligned(bytes, alignment));
}

bool LargePages::do_is_equal(const std::pmr::memory_resource& other) const noexcept {
    return dynamic_cast<const LargePages*>(&other) != nullptr;
}

LargePages& large_pages() {
    static auto* const pages = new LargePages;  // who uses it may live to the very end
    return *pages;
}

}  // namespace finwait::host
