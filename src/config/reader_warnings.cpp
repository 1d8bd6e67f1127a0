// What is no error in a configuration and still can hardly be meant.
#include "config/reader.hpp"
#include "policy/coverage.hpp"
#include "policy/words.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace finwait::config {

void Reader::warn(Errors& warnings) const {
    for (const policy::NeverInForce& never : policy::never_in_force(settings_.policies)) {
        const std::string& name = settings_.policies[never.policy].name;
        std::vector<std::string_view> before;
        for (const std::size_t i : never.behind)
            before.push_back(settings_.policies[i].name);
        std::string why = "its match contradicts itself";
        if (!before.empty())
            why = "every connection that it matches is matched before by " + policy::listed(before) +
                  "; put it first, give it a greater priority, or remove it";
        warnings.add(policies_.at(name),
                     "policy " + policy::in_quotes(name) + " can never be in force: " + why);
    }
}

}  // namespace finwait::config
