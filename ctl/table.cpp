#include "ctl/table.hpp"

#include "ctl/text.hpp"

#include <algorithm>
#include <utility>

namespace finwait::ctl {

namespace {

constexpr std::size_t kGap = 2;

/// ECMA-48's numbers for SGR.
std::string_view code(Paint paint) {
    switch (paint) {
        case Paint::bold: return "1";
        case Paint::dim: return "2";
        case Paint::red: return "31";
        case Paint::green: return "32";
        case Paint::yellow: return "33";
        case Paint::cyan: return "36";
        case Paint::none: break;
    }
    return {};
}

std::string painted(std::string value, Paint paint) {
    if (paint == Paint::none) return value;
    return "\x1b[" + std::string(code(paint)) + "m" + value + "\x1b[0m";
}

}  // namespace

Table::Table(std::vector<Column> columns, std::optional<std::size_t> width, Output& out, Look look)
    : columns_(std::move(columns)), width_(width), out_(out), look_(look) {}

void Table::add(Row row, std::string below) {
    row.resize(columns_.size());
    for (std::string& value : row) {
        if (value.empty()) value = "-";
    }
    if (laid_out_) {
        print(row, below);
        return;
    }
    kept_.emplace_back(std::move(row), std::move(below));
    if (kept_.size() >= kMeasured) lay_out();
}

void Table::finish() {
    if (!laid_out_ && !kept_.empty()) lay_out();
}

std::size_t Table::total() const {
    std::size_t sum = layout_.empty() ? 0 : kGap * (layout_.size() - 1);
    for (const Layout& shown : layout_)
        sum += shown.width;
    return sum;
}

void Table::drop_columns() {
    while (total() > *width_) {
        const auto less_important = [this](const Layout& a, const Layout& b) {
            return columns_[a.column].expendable < columns_[b.column].expendable;
        };
        const auto least = std::max_element(layout_.begin(), layout_.end(), less_important);
        if (columns_[least->column].expendable == 0) return;
        layout_.erase(least);
    }
}

/// Takes a column from the widest that may still give one, until the line fits or none can.
void Table::shorten_columns() {
    while (total() > *width_) {
        Layout* widest = nullptr;
        for (Layout& shown : layout_) {
            const std::size_t narrowest = columns_[shown.column].narrowest;
            if (narrowest == 0 || shown.width <= narrowest) continue;
            if (widest == nullptr || shown.width > widest->width) widest = &shown;
        }
        if (widest == nullptr) return;
        --widest->width;
        widest->shortened = true;
    }
}

void Table::lay_out() {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        std::size_t width = look_.header ? columns_[i].title.size() : 1;
        for (const auto& [row, below] : kept_)
            width = std::max(width, display_width(row[i]));
        layout_.push_back({i, width, false});
    }
    if (width_) {
        drop_columns();
        shorten_columns();
    }
    laid_out_ = true;
    if (look_.header) print_titles();
    for (const auto& [row, below] : kept_)
        print(row, below);
    kept_.clear();
}

void Table::print_titles() {
    Row titles;
    for (const Column& column : columns_)
        titles.emplace_back(column.title);
    print_line(titles, true);
}

void Table::print(const Row& row, const std::string& below) {
    print_line(row, false);
    if (!below.empty()) out_.write("    " + below + "\n");
}

void Table::print_line(const Row& row, bool titles) {
    std::string line;
    std::size_t owed = 0;  // spaces before the next value: none at the end of a line
    for (const Layout& shown : layout_) {
        const Column& column = columns_[shown.column];
        std::string value = row[shown.column];
        if (shown.shortened) value = shortened(value, shown.width);
        const std::size_t taken = display_width(value);
        const std::size_t padding = shown.width > taken ? shown.width - taken : 0;
        if (look_.colours) {
            const Paint by_value = column.paint != nullptr ? column.paint(row[shown.column]) : Paint::none;
            value = painted(std::move(value), titles ? Paint::bold : by_value);
        }
        line.append(owed + (column.right ? padding : 0), ' ').append(value);
        owed = kGap + (column.right ? 0 : padding);
    }
    line.push_back('\n');
    out_.write(line);
}

}  // namespace finwait::ctl
