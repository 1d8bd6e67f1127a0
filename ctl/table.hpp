// A table on a terminal. Measures the first rows, then lays out: when the columns are too wide together, the
// least important ones go first, and only when no more may go, values are shortened. Without a width all is
// shown in full.
#pragma once

#include "ctl/output.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace finwait::ctl {

enum class Paint : std::uint8_t { none, bold, dim, red, green, yellow, cyan };

struct Column {
    std::string_view title;
    int expendable = 0;         // the highest is dropped first; 0: never
    bool right = false;         // aligned, as numbers are
    std::size_t narrowest = 0;  // what it may be shortened to; 0: never shortened
    Paint (*paint)(std::string_view value) = nullptr;
};

/// Enough of both ends of an IPv6 address, and the port.
inline constexpr std::size_t kNarrowestEndpoint = 15;

using Row = std::vector<std::string>;

struct Look {
    bool header = true;
    bool colours = false;
};

class Table {
  public:
    /// Rows that are kept back to find the columns' widths; later, wider values push the line out.
    static constexpr std::size_t kMeasured = 1000;

    Table(std::vector<Column> columns, std::optional<std::size_t> width, Output& out, Look look = {});
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;
    ~Table() = default;

    /// One value for each column; an empty one is shown as "-". `below`, unless it is empty, gets a line of
    /// its own, which need not fit.
    void add(Row row, std::string below = {});
    /// Writes what is kept back. A table without rows writes nothing.
    void finish();

  private:
    struct Layout {
        std::size_t column;
        std::size_t width;
        bool shortened;
    };

    void lay_out();
    void drop_columns();
    void shorten_columns();
    [[nodiscard]] std::size_t total() const;
    void print_titles();
    void print(const Row& row, const std::string& below);
    void print_line(const Row& row, bool titles);

    std::vector<Column> columns_;
    std::optional<std::size_t> width_;
    Output& out_;
    Look look_;
    std::vector<std::pair<Row, std::string>> kept_;
    std::vector<Layout> layout_;
    bool laid_out_ = false;
};

}  // namespace finwait::ctl
