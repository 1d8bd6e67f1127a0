#include "ctl/table.hpp"

#include "ctl/text.hpp"

#include <algorithm>
#include <utility>

namespace finwait::ctl {

namespace {
constexpr std::size_t kGap = 2;
}

Table::Table(std::vector<Column> columns, std::optional<std::size_t> width, Output& out)
    : columns_(std::move(columns)), width_(width), out_(out) {}

void Table::add(Row row) {
    row.resize(columns_.size());
    for (std::string& value : row) {
        if (value.empty()) value = "-";
    }
    if (laid_out_) {
        print(row);
        return;
    }
    kept_.push_back(std::move(row));
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
        std::size_t width = columns_[i].title.size();
        for (const Row& row : kept_)
            width = std::max(width, display_width(row[i]));
        layout_.push_back({i, width, false});
    }
    if (width_) {
        drop_columns();
        shorten_columns();
    }
    laid_out_ = true;
    Row titles;
    for (const Column& column : columns_)
        titles.emplace_back(column.title);
    print(titles);
    for (const Row& row : kept_)
        print(row);
    kept_.clear();
}

void Table::print(const Row& row) {
    std::string line;
    for (const Layout& shown : layout_) {
        std::string value = row[shown.column];
        if (shown.shortened) value = shortened(value, shown.width);
        const std::size_t taken = display_width(value);
        const std::size_t padding = shown.width > taken ? shown.width - taken : 0;
        const bool right = columns_[shown.column].right;
        if (!line.empty()) line.append(kGap, ' ');
        if (right) line.append(padding, ' ');
        line.append(value);
        if (!right) line.append(padding, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    line.push_back('\n');
    out_.write(line);
}

}  // namespace finwait::ctl
