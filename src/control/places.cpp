#include "control/places.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace finwait::control {

std::optional<std::string> Places::refusal(const Guest& newcomer, const std::vector<Guest>& present) const {
    const auto of_the_same = static_cast<std::size_t>(
        std::ranges::count_if(present, [&](const Guest& g) { return g.uid == newcomer.uid; }));
    if (newcomer.limited && of_the_same >= per_user_)
        return fmt::format(
            "you have {} connections already, and no user may have more; close one, or try again later",
            of_the_same);
    if (present.size() >= total_)
        return fmt::format("there are {} connections already; try again later", present.size());
    const auto readers = static_cast<std::size_t>(
        std::ranges::count_if(present, [](const Guest& g) { return !g.may_change; }));
    if (!newcomer.may_change && readers + reserved_ >= total_)
        return fmt::format(
            "there are {} connections of users who may only look already; the last {} places are for those "
            "who may "
            "change something; try again later",
            readers, reserved_);
    return std::nullopt;
}

std::optional<std::size_t> Places::gives_way(const Guest& newcomer, const std::vector<Guest>& present) const {
    std::optional<std::size_t> longest;
    for (std::size_t i = 0; i < present.size(); ++i) {
        const Guest& guest = present[i];
        const bool own = guest.uid == newcomer.uid;
        if (!guest.idle || *guest.idle <= patience_ || !(own || newcomer.may_change)) continue;
        if (longest && *guest.idle <= *present[*longest].idle) continue;
        std::vector<Guest> others = present;
        others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
        if (!refusal(newcomer, others)) longest = i;
    }
    return longest;
}

}  // namespace finwait::control
