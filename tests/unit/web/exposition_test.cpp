#include "web/exposition.hpp"

#include <array>
#include <functional>

#include <gmock/gmock.h>

namespace finwait::web {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

std::string exposed(Format format, const Family& family, const std::function<void(Exposition&)>& fill) {
    Exposition out(format);
    out.begin(family);
    fill(out);
    return out.finish();
}

TEST(Exposition, ACounterIsNamedWithTotalInPrometheusFormatThroughout) {
    EXPECT_EQ(exposed(Format::prometheus, {"x_things", Kind::counter, "Things."},
                      [](Exposition& out) { out.sample(std::uint64_t{18'446'744'073'709'551'615U}); }),
              "# HELP x_things_total Things.\n# TYPE x_things_total counter\nx_things_total "
              "18446744073709551615\n");
}

TEST(Exposition, ACountersFamilyHasNoTotalInOpenMetricsAndTheTextEndsWithEof) {
    EXPECT_EQ(
        exposed(Format::openmetrics, {"x_things", Kind::counter, "Things."},
                [](Exposition& out) {
                    out.sample(std::uint64_t{3}, {{"kind", "a"}, {"of", "b"}});
                }),
        "# HELP x_things Things.\n# TYPE x_things counter\nx_things_total{kind=\"a\",of=\"b\"} 3\n# EOF\n");
}

TEST(Exposition, LabelsAreEscaped) {
    const std::string text = exposed(Format::prometheus, {"x", Kind::gauge, "h"}, [](Exposition& out) {
        out.sample(1.5, {{"name", "a\"b\\c\nd"}});
    });
    EXPECT_THAT(text, EndsWith("x{name=\"a\\\"b\\\\c\\nd\"} 1.5\n"));
}

TEST(Exposition, HelpIsEscapedAsEachFormatWantsIt) {
    const Family family{"x", Kind::gauge, "a \"b\" \\ c\nd"};
    const auto nothing = [](Exposition&) {};
    EXPECT_THAT(exposed(Format::prometheus, family, nothing), HasSubstr("# HELP x a \"b\" \\\\ c\\nd\n"));
    EXPECT_THAT(exposed(Format::openmetrics, family, nothing),
                HasSubstr("# HELP x a \\\"b\\\" \\\\ c\\nd\n"));
}

TEST(Exposition, AHistogramIsCumulativeAndEndsAtInfinity) {
    using std::chrono::microseconds;
    const std::array<Duration, 2> bounds = {microseconds(5), std::chrono::milliseconds(1)};
    const std::array<std::uint64_t, 3> counts = {4, 0, 2};
    const std::string text =
        exposed(Format::openmetrics, {"x_seconds", Kind::histogram, "h"},
                [&](Exposition& out) { out.histogram(bounds, counts, microseconds(2500)); });
    EXPECT_EQ(text,
              "# HELP x_seconds h\n# TYPE x_seconds histogram\n# UNIT x_seconds seconds\n"
              "x_seconds_bucket{le=\"5e-06\"} 4\nx_seconds_bucket{le=\"0.001\"} "
              "4\nx_seconds_bucket{le=\"+Inf\"} 6\n"
              "x_seconds_sum 0.0025\nx_seconds_count 6\n# EOF\n");
}

TEST(Exposition, InfoIsAGaugeWhereTheFormatDoesNotKnowIt) {
    const Family family{"x_build", Kind::info, "h"};
    const auto one = [](Exposition& out) { out.sample(std::uint64_t{1}, {{"version", "1"}}); };
    EXPECT_THAT(exposed(Format::prometheus, family, one),
                EndsWith("# TYPE x_build_info gauge\nx_build_info{version=\"1\"} 1\n"));
    EXPECT_THAT(exposed(Format::openmetrics, family, one), HasSubstr("# TYPE x_build info\nx_build_info{"));
}

TEST(Exposition, TheFormatIsTheOneThatIsAskedFor) {
    EXPECT_EQ(choose_format(""), Format::prometheus);
    EXPECT_EQ(choose_format("*/*"), Format::prometheus);
    EXPECT_EQ(choose_format("text/plain"), Format::prometheus);
    EXPECT_EQ(choose_format("application/openmetrics-text"), Format::openmetrics);
    EXPECT_EQ(choose_format("application/openmetrics-text; version=1.0.0; charset=utf-8"),
              Format::openmetrics);
    EXPECT_EQ(choose_format("application/openmetrics-text; version=0.0.1"), Format::prometheus);
    EXPECT_EQ(choose_format("text/plain;version=0.0.4;q=0.9, Application/OpenMetrics-Text;q=0.3"),
              Format::prometheus);
    EXPECT_EQ(choose_format("application/openmetrics-text;q=0"), Format::prometheus);
    EXPECT_EQ(choose_format(",;=,,q=;"), Format::prometheus);
    // As Prometheus 2.42 asks.
    EXPECT_EQ(choose_format("application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
                            "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
              Format::openmetrics);
    EXPECT_THAT(content_type(Format::openmetrics), Not(content_type(Format::prometheus)));
}

}  // namespace
}  // namespace finwait::web
