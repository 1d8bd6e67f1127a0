#include "policy/filter_lexer.hpp"

#include <algorithm>

namespace finwait::policy {
namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kWordEnd = " \t\r\n()<>=";

std::size_t token_length(std::string_view text) {
    const auto is_comparison = [](char c) { return c == '<' || c == '>' || c == '='; };
    if (is_comparison(text[0])) return text.size() > 1 && text[1] == '=' ? 2 : 1;
    if (text.starts_with("!=")) return 2;
    if (text[0] == '(' || text[0] == ')') return 1;
    return std::min({text.find_first_of(kWordEnd), text.find("!="), text.size()});
}

}  // namespace

Token Lexer::take() {
    const auto token = current_;
    taken_up_to_ = position_;
    advance();
    return token;
}

void Lexer::advance() {
    position_ = std::min(text_.find_first_not_of(kSpace, position_), text_.size());
    const auto rest = text_.substr(position_);
    const auto length = rest.empty() ? 0 : token_length(rest);
    current_ = {rest.substr(0, length), position_ + 1};
    position_ += length;
}

}  // namespace finwait::policy
