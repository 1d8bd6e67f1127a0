// What is no error in a configuration and still can hardly be meant.
#include "config/reader.hpp"
#include "config/regular_file.hpp"
#include "policy/coverage.hpp"
#include "policy/words.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace finwait::config {

void Reader::warn(Errors& warnings) const {
    warn_of_policies(warnings);
    const Intercept& intercept = settings_.intercept;
    const auto spread = given_.places.find("intercept.spread");
    if (spread != given_.places.end() && intercept.spread == Spread::ports &&
        intercept.backend == Backend::iptables && intercept.queues != 1)
        warnings.add(spread->second,
                     "intercept.spread: \"ports\" needs nftables: with backend = \"iptables\" packets are "
                     "spread over queues by addresses only");
    const auto state = given_.places.find("state.file");
    if (state == given_.places.end() || settings_.state.file.empty()) return;
    if (const std::string missing = missing_directory(settings_.state.file); !missing.empty())
        warnings.add(state->second, "state.file: " + missing + ": flows are not kept over a restart");
}

void Reader::warn_of_policies(Errors& warnings) const {
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
