// The table of metrics: its names, and that the document, the dashboard and the alerts agree with it.
#include "web/metrics.hpp"

#include "support/document.hpp"

#include <regex>
#include <set>

#include <gmock/gmock.h>

namespace finwait::web {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string read(const std::string& path) {
    std::ifstream file(std::filesystem::path(__FILE__).parent_path() / "../../.." / path);
    EXPECT_TRUE(file) << path;
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

std::set<std::string> all_samples() {
    std::set<std::string> names;
    for (const Metric& metric : metrics()) {
        if (metric.family.kind != Kind::histogram) {
            names.insert(sample_name(metric.family));
            continue;
        }
        for (const char* suffix : {"_bucket", "_sum", "_count"})
            names.insert(std::string(metric.family.name) + suffix);
    }
    return names;
}

/// Names in a text that look like one of ours and are none.
std::set<std::string> unknown_in(const std::string& text) {
    static const std::regex kName("\\b(finwaitd|process)_[a-z0-9_]+");
    std::set<std::string> unknown;
    const auto known = all_samples();
    for (std::sregex_iterator at(text.begin(), text.end(), kName), end; at != end; ++at)
        if (!known.contains(at->str())) unknown.insert(at->str());
    return unknown;
}

TEST(Metrics, AreNamedAsPrometheusWantsThem) {
    std::set<std::string_view> seen;
    for (const auto& [family, labels, fill] : metrics()) {
        SCOPED_TRACE(family.name);
        EXPECT_TRUE(
            std::regex_match(std::string(family.name), std::regex("(finwaitd|process)_[a-z]+(_[a-z]+)*")));
        EXPECT_TRUE(seen.insert(family.name).second) << "twice";
        EXPECT_FALSE(family.name.ends_with("_total") || family.name.ends_with("_info"))
            << "the format adds it";
        EXPECT_TRUE(family.help.ends_with('.'));
        EXPECT_FALSE(family.name.ends_with("_milliseconds") || family.name.ends_with("_percent"));
    }
}

Facts some_facts() {
    Facts facts;
    policy::Policy web;
    web.name = "we\"b";
    engine::PolicyCounts counts;
    counts.refused = 4;
    facts.policies = {{web, counts}};
    facts.totals.by_shard = {{5, 6, std::chrono::milliseconds(1500)}, {}};
    facts.totals.version = "1.2.3";
    facts.totals.queue.dropped = 2;
    facts.totals.counters.packets_lost = 3;
    return facts;
}

TEST(Metrics, EachHasASampleAndNoSampleIsThereTwice) {
    const std::string text = expose(some_facts(), Format::prometheus);
    std::set<std::string> families, series;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with('#')) continue;
        EXPECT_TRUE(series.insert(line.substr(0, line.rfind(' '))).second) << line;
        families.insert(line.substr(0, line.find_first_of("{ ")));
    }
    EXPECT_EQ(families, all_samples());
    EXPECT_THAT(text, HasSubstr("finwaitd_resets_total{policy=\"we\\\"b\",outcome=\"refused\"} 4\n"));
    EXPECT_THAT(text, HasSubstr("finwaitd_shard_cpu_seconds_total{shard=\"0\"} 1.5\n"));
    EXPECT_THAT(text, HasSubstr("finwaitd_build_info{version=\"1.2.3\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("finwaitd_queue_dropped_total 5\n"));
}

TEST(Metrics, ThisProcessIsSomethingThatLives) {
    const Process process = look_at_process();
    EXPECT_GT(process.resident_bytes, 100'000U);
    EXPECT_GT(process.virtual_bytes, process.resident_bytes);
    EXPECT_GE(process.open_fds, 3U);
    EXPECT_GT(process.max_fds, process.open_fds);
    EXPECT_EQ(process.threads, 1U);
    EXPECT_GT(process.start_time_seconds, 1.6e9);
}

std::string document() {
    std::ostringstream out;
    out << "# Metrics\n\n"
           "Made from `src/web/metrics.cpp` by a test. They are served at `/metrics` of `metrics.listen`, as "
           "OpenMetrics "
           "1.0 to\n"
           "those who accept it, else in Prometheus' text format 0.0.4. An address is never a label. "
           "Counters begin with "
           "the\n"
           "daemon; those of a policy stay with its name over a reload. `etc/grafana/finwaitd.json` is a "
           "dashboard,\n"
           "`etc/prometheus/finwaitd-alerts.yml` has alerts.\n\n"
           "| name | type | labels | meaning |\n|---|---|---|---|\n";
    for (const auto& [family, labels, fill] : metrics())
        out << "| `" << sample_name(family) << "` | " << name(family.kind) << " | " << labels << " | "
            << family.help << " |\n";
    return out.str();
}

TEST(Metrics, TheDocumentShowsTheTable) {
    finwait::testing::expect_document("metrics.md", document());
}

TEST(Metrics, TheDashboardAndTheAlertsKnowNoOthers) {
    EXPECT_THAT(unknown_in(read("etc/grafana/finwaitd.json")), IsEmpty());
    EXPECT_THAT(unknown_in(read("etc/prometheus/finwaitd-alerts.yml")), IsEmpty());
    EXPECT_THAT(unknown_in("rate(finwaitd_nonsense_total[5m]) > finwaitd_flows"),
                ::testing::ElementsAre("finwaitd_nonsense_total"));
}

}  // namespace
}  // namespace finwait::web
