#include "ctl/validators.hpp"

#include "ctl/complaint.hpp"
#include "ctl/flow_fields.hpp"
#include "policy/words.hpp"

#include <charconv>

namespace finwait::ctl {

CLI::Validator one_of_sort_words() {
    CLI::Validator known = one_of({sort_words().begin(), sort_words().end()});
    return CLI::Validator(
        [known](std::string& value) {
            std::string word = value.substr(value.starts_with('-') ? 1 : 0);
            return known(word);
        },
        "");
}

CLI::Validator pretty_or_nothing() {
    return CLI::Validator(
        [known = one_of({"pretty"})](std::string& value) { return value == "true" ? "" : known(value); }, "");
}

CLI::Validator not_empty(const std::string& allowed) {
    return CLI::Validator(
        [allowed](std::string& text) {
            return text.empty() ? "found " + policy::in_quotes(text) + "; allowed: " + allowed
                                : std::string();
        },
        "");
}

CLI::Validator number_up_to(std::size_t most) {
    return CLI::Validator(
        [most](std::string& text) -> std::string {
            std::size_t value = 0;
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
            if (error == std::errc{} && end == text.data() + text.size() && value >= 1 && value <= most)
                return {};
            return "found " + policy::in_quotes(text) + "; allowed: a number from 1 to " +
                   std::to_string(most);
        },
        "");
}

}  // namespace finwait::ctl
