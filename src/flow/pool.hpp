// Things of one kind under small numbers. Bounded; memory is reserved at the start and touched only as it
// fills, and what was given back last is taken first, for it is still in the cache.
#pragma once

#include <cstdint>
#include <memory_resource>
#include <vector>

namespace finwait::flow {

template<typename T>
class Pool {
  public:
    /// At most `limit` at a time.
    Pool(std::uint32_t limit, std::pmr::memory_resource& memory) : items_(&memory), free_(&memory) {
        items_.reserve(limit);
        free_.reserve(limit);
    }

    /// Its value is what it was before it was given back, or T{}.
    [[nodiscard]] std::uint32_t take() {
        if (free_.empty()) {
            items_.emplace_back();
            return static_cast<std::uint32_t>(items_.size() - 1);
        }
        const std::uint32_t number = free_.back();
        free_.pop_back();
        return number;
    }
    void give_back(std::uint32_t number) { free_.push_back(number); }

    [[nodiscard]] T& operator[](std::uint32_t number) { return items_[number]; }
    [[nodiscard]] const T& operator[](std::uint32_t number) const { return items_[number]; }
    /// How many are in use.
    [[nodiscard]] std::size_t used() const { return items_.size() - free_.size(); }

  private:
    std::pmr::vector<T> items_;
    std::pmr::vector<std::uint32_t> free_;
};

}  // namespace finwait::flow
