// The metrics: one table says what each is called, what it is, what it means and where it comes from.
// docs/metrics.md is made from it, and the dashboard and the alerts are checked against it. An address is
// never a label: there are too many, and they are nobody's business.
#pragma once

#include "control/gather.hpp"
#include "web/exposition.hpp"
#include "web/process.hpp"

#include <span>
#include <string>
#include <string_view>

namespace finwait::web {

/// What metrics are made of, at one moment.
struct Facts {
    control::Totals totals;
    control::PolicyRows policies;
    Process process;
};

struct Metric {
    Family family;
    std::string_view labels;  // their names and values, for people; empty: none
    void (*fill)(const Facts&, Exposition&);
};

[[nodiscard]] std::span<const Metric> metrics();

[[nodiscard]] std::string expose(const Facts& facts, Format format);

}  // namespace finwait::web
