// A filter's text, cut into words, parentheses and comparison signs, each with its place. Every text can be
// cut: what makes no sense becomes a word that the parser rejects.
#pragma once

#include <cstddef>
#include <string_view>

namespace finwait::policy {

struct Token {
    std::string_view text;  // empty at the end of the filter
    std::size_t column = 1;

    [[nodiscard]] bool is(std::string_view word) const { return text == word; }
    [[nodiscard]] bool is_end() const { return text.empty(); }
};

class Lexer {
  public:
    explicit Lexer(std::string_view text) : text_(text) { advance(); }

    [[nodiscard]] const Token& peek() const { return current_; }
    Token take();
    /// Where the token that was taken last ends, in bytes of the text.
    [[nodiscard]] std::size_t taken_up_to() const { return taken_up_to_; }

  private:
    void advance();

    std::string_view text_;
    std::size_t position_ = 0;
    std::size_t taken_up_to_ = 0;
    Token current_;
};

}  // namespace finwait::policy
