#include "policy/filter.hpp"

#include "policy/filter_lexer.hpp"
#include "policy/filter_parser.hpp"

#include <utility>

namespace finwait::policy {

std::variant<Filter, FilterError> Filter::parse(std::string_view text, Purpose purpose) {
    if (text.size() > kMaxLength) {
        return FilterError{kMaxLength + 1, "found a filter of " + std::to_string(text.size()) +
                                               " bytes; allowed: at most " + std::to_string(kMaxLength)};
    }
    Filter filter;
    filter.text_ = text;
    if (Lexer(text).peek().is_end()) return filter;

    auto parsed = Parser(text, purpose).parse();
    if (auto* error = std::get_if<FilterError>(&parsed)) return std::move(*error);
    filter.root_ = std::make_shared<const Node>(std::get<Node>(std::move(parsed)));
    return filter;
}

}  // namespace finwait::policy
