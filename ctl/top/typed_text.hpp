// A line of text while it is typed.
#pragma once

#include "ctl/top/keys.hpp"

#include <cstddef>
#include <string>

namespace finwait::ctl::top {

class TypedText {
  public:
    static constexpr std::size_t kLongest = 1000;

    TypedText() = default;
    explicit TypedText(std::string text) : text_(std::move(text)), cursor_(text_.size()) {}

    [[nodiscard]] const std::string& text() const { return text_; }
    /// Where the next byte goes.
    [[nodiscard]] std::size_t cursor() const { return cursor_; }
    /// Whether the key was one that changes the text or moves in it.
    bool press(Key key);

  private:
    [[nodiscard]] std::size_t previous() const;
    [[nodiscard]] std::size_t next() const;

    std::string text_;
    std::size_t cursor_ = 0;
};

}  // namespace finwait::ctl::top
