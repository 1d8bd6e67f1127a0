// What is to be seen of a model: lines of text, ready to be put on a screen of its size.
#pragma once

#include "ctl/top/model.hpp"

#include <optional>
#include <string>
#include <vector>

namespace finwait::ctl::top {

enum class Style : std::uint8_t { plain, title, selected, strong, faint, bad, good };

struct Line {
    std::string text;
    Style style = Style::plain;

    friend bool operator==(const Line&, const Line&) = default;
};

struct Cursor {
    std::size_t row = 0;
    std::size_t column = 0;
};

struct Picture {
    std::vector<Line> lines;  // as many as there are rows, none wider than there are columns
    std::optional<Cursor> cursor;
};

[[nodiscard]] Picture picture_of(const Model& model, Clock::time_point now);

/// At most so many columns of it, cut off at the end.
[[nodiscard]] std::string cut(const std::string& text, std::size_t columns);

}  // namespace finwait::ctl::top
