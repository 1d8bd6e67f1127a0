#include "netfilter/rule_difference.hpp"

#include <algorithm>
#include <iterator>

namespace finwait::netfilter {
namespace {

using Lines = std::vector<std::string>;

/// Those of `all` that are not in `others`, as often as they are missing there.
Lines without(Lines all, Lines others) {
    std::ranges::sort(all);
    std::ranges::sort(others);
    Lines rest;
    std::ranges::set_difference(all, others, std::back_inserter(rest));
    return rest;
}

std::string such_as(const Lines& lines) {
    return ", such as \"" + lines.front() + '"';
}

}  // namespace

std::string RuleDifference::text() const {
    std::string text;
    if (!missing.empty())
        text = std::to_string(missing.size()) + " of " + std::to_string(expected) +
               (expected == 1 ? " line is" : " lines are") + " missing" + such_as(missing);
    if (!added.empty()) {
        if (!text.empty()) text += ", and ";
        text += "others have been added" + such_as(added);
    }
    if (reordered) text = "their order is another one";
    return text;
}

RuleDifference compare_rules(const Lines& expected, const Lines& found) {
    RuleDifference difference;
    difference.expected = expected.size();
    difference.missing = without(expected, found);
    difference.added = without(found, expected);
    difference.reordered = !difference.any() && expected != found;
    return difference;
}

}  // namespace finwait::netfilter
