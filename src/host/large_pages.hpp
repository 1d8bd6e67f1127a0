// Memory for large tables that are read at random, in large pages where the kernel has them: with pages of
// 4 KiB most reads would miss the TLB too. Documentation/admin-guide/mm/transhuge.rst: "madvise" and
// "always".
#pragma once

#include <cstddef>
#include <memory_resource>

namespace finwait::host {

/// What is smaller than a large page comes from new, as usual.
class LargePages : public std::pmr::memory_resource {
  public:
    static constexpr std::size_t kPage = std::size_t{2} << 20U;

  private:
    [[nodiscard]] void* do_allocate(std::size_t bytes, std::size_t alignment) override;
    void do_deallocate(void* from, std::size_t bytes, std::size_t alignment) override;
    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override;
};

/// The process's own.
[[nodiscard]] LargePages& large_pages();

}  // namespace finwait::host
