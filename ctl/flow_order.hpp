// Flows in the order of one field. With a limit only the first so many are kept at any time, so that the best
// ten of a million take no more memory than ten.
#pragma once

#include "ctl/flow_fields.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finwait::ctl {

class FlowOrder {
  public:
    /// `by` is a word of sort_words(), with "-" before it for the greatest first. What has no value stands
    /// last either way; equals stay in the order in which they came.
    FlowOrder(std::string_view by, std::optional<std::size_t> limit);

    /// A flow's JSON. One that is none has no value.
    void add(std::string_view json);
    /// Hands them out in order, and then has none.
    void take(const std::function<void(std::string_view json)>& each);

  private:
    struct Entry {
        bool known = false;
        double number = 0;
        std::string text;  // of an address: its bytes
        std::uint64_t arrival = 0;
        std::string json;
    };

    [[nodiscard]] Entry entry_of(std::string_view json);
    [[nodiscard]] bool before(const Entry& a, const Entry& b) const;

    const FlowField& field_;
    bool descending_;
    std::optional<std::size_t> limit_;
    std::uint64_t arrivals_ = 0;
    std::vector<Entry> entries_;  // with a limit a heap, its last one in order at the front
};

}  // namespace finwait::ctl
