// Metrics as text: Prometheus' format 0.0.4, and OpenMetrics 1.0. A counter's family is named without
// "_total".
#pragma once

#include "tcp/time.hpp"

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace finwait::web {

enum class Format : std::uint8_t { prometheus, openmetrics };

/// The format that an Accept header prefers; who says nothing gets Prometheus'.
[[nodiscard]] Format choose_format(std::string_view accept);
[[nodiscard]] std::string_view content_type(Format f);

enum class Kind : std::uint8_t { gauge, counter, histogram, info };

[[nodiscard]] std::string_view name(Kind k);

struct Family {
    std::string_view name;
    Kind kind;
    std::string_view help;
};

using Label = std::pair<std::string_view, std::string_view>;
using Labels = std::initializer_list<Label>;

/// Family after family, each with its samples.
class Exposition {
  public:
    explicit Exposition(Format format) : format_(format) {}

    void begin(const Family& family);
    void sample(std::uint64_t value, Labels labels = {});
    void sample(double value, Labels labels = {});
    /// `counts` has one more than `bounds`, and is not cumulative.
    void histogram(std::span<const Duration> bounds, std::span<const std::uint64_t> counts, Duration sum);

    [[nodiscard]] std::string finish();

  private:
    void line(std::string_view suffix, Labels labels, std::string_view value);

    Format format_;
    Family family_{};
    std::string text_;
};

/// The name that a family's samples have, but for those of a histogram.
[[nodiscard]] std::string sample_name(const Family& family);

}  // namespace finwait::web
