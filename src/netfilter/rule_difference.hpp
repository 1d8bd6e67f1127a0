// Our rules as they were installed, held against those that are there now, line by line as the tools list
// them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace finwait::netfilter {

struct RuleDifference {
    std::vector<std::string> missing;
    std::vector<std::string> added;  // in our own chains, or jumps into them
    bool reordered = false;          // nothing is missing or added, but the order is another one
    std::size_t expected = 0;        // lines in all

    [[nodiscard]] bool any() const { return !missing.empty() || !added.empty() || reordered; }
    /// Lines that are not as they should be.
    [[nodiscard]] std::size_t count() const { return missing.size() + added.size() + (reordered ? 1 : 0); }
    /// "3 of 12 lines are missing, such as \"…\"", for an operator.
    [[nodiscard]] std::string text() const;
};

[[nodiscard]] RuleDifference compare_rules(const std::vector<std::string>& expected,
                                           const std::vector<std::string>& found);

}  // namespace finwait::netfilter
