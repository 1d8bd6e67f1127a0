#include "ctl/top/header.hpp"

#include "ctl/text.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace finwait::ctl::top {
namespace {

using nlohmann::json;

double seconds(Clock::duration d) {
    return std::chrono::duration<double>(d).count();
}

/// Numbers of the last answer, and how fast they grew since the one before.
class Figures {
  public:
    explicit Figures(const Model& model) : now_(model.snapshot()->stats) {
        if (!model.previous()) return;
        before_ = model.previous()->stats;
        elapsed_ = seconds(model.snapshot()->at - model.previous()->at);
    }

    [[nodiscard]] std::uint64_t count(const char* group, const char* key) const {
        return in(now_, group, key);
    }
    [[nodiscard]] std::string rate(const char* group, const char* key) const {
        const std::uint64_t now = in(now_, group, key);
        const std::uint64_t before = in(before_, group, key);
        if (elapsed_ <= 0 || now < before) return "-";  // the first answer, or a daemon that began anew
        const double rate = static_cast<double>(now - before) / elapsed_;
        return rate == 0 || rate >= 10 ? fmt::format("{:.0f}/s", rate) : fmt::format("{:.1f}/s", rate);
    }
    [[nodiscard]] const json& all() const { return now_; }

  private:
    static std::uint64_t in(const json& stats, const char* group, const char* key) {
        return part(stats, group).value(key, std::uint64_t{0});
    }

    json now_;
    json before_ = json::object();
    double elapsed_ = 0;
};

Line flows_line(const Figures& f) {
    return {fmt::format("Flows {} of {}  half-closed {} (+{})  fast path {}  opened {}",
                        f.count("flows", "total"), f.count("flows", "limit"), f.count("flows", "half_closed"),
                        f.rate("flows", "became_half_closed"), f.count("flows", "fast_path"),
                        f.rate("flows", "opened"))};
}

/// The states with the most sides first: what does not fit is cut off.
Line states_line(const Figures& f) {
    std::vector<std::pair<std::uint64_t, std::string>> states;
    const json by_state = part(part(f.all(), "flows"), "by_state");
    for (const auto& [name, count] : by_state.items())
        if (const auto sides = count.get<std::uint64_t>(); sides > 0) states.emplace_back(sides, name);
    std::ranges::stable_sort(states, [](const auto& a, const auto& b) { return a.first > b.first; });
    std::string text = "Sides";
    for (const auto& [sides, name] : states)
        text += fmt::format("{} {} {}", text == "Sides" ? "" : ",", name, sides);
    return {states.empty() ? text + " none" : text};
}

Line resets_line(const Figures& f) {
    return {fmt::format("Resets {} ({})  confirmed {}  unconfirmed {}  refused {}  probes {} ({})",
                        f.count("resets", "sent"), f.rate("resets", "sent"), f.count("resets", "confirmed"),
                        f.count("resets", "unconfirmed"), f.count("resets", "refused"),
                        f.count("probes", "sent"), f.rate("probes", "sent"))};
}

Line packets_line(const Figures& f) {
    const std::uint64_t dropped = f.count("queue", "dropped");
    return {fmt::format("Packets {}  invalid {}  queue drops {} ({})", f.rate("packets", "seen"),
                        f.count("packets", "invalid"), dropped, f.rate("queue", "dropped")),
            dropped > 0 ? Style::bad : Style::plain};
}

Line filter_line(const Model& model) {
    if (model.typing()) return {"Filter: " + model.typing()->text(), Style::strong};
    const Question& asked = model.question();
    std::string text = "Filter: " + (asked.filter.empty() ? "all flows" : asked.filter);
    const auto& snapshot = model.snapshot();
    if (!snapshot || snapshot->question.filter != asked.filter)
        text += "  (asking)";
    else
        text += fmt::format("  {} match{}", snapshot->matched, snapshot->matched == 1 ? "es" : "");
    return {
        fmt::format("{}  sorted by {}, {}", text, asked.sort, asked.descending ? "descending" : "ascending")};
}

std::string policies_stopped(const json& stats) {
    const json stopped = stats.value("policies_stopped", json::array());
    std::string names;
    for (const json& name : stopped)
        if (name.is_string()) names += (names.empty() ? "" : ", ") + name.get<std::string>();
    return names.empty() ? names : "  STOPPED: " + names;
}

}  // namespace

Line state_line(const Model& model, Clock::time_point now) {
    const auto& snapshot = model.snapshot();
    const std::string age = snapshot ? human_duration(seconds(now - snapshot->at)) : "-";
    if (const auto& trouble = model.trouble())
        return {snapshot ? fmt::format("{} old; {}; trying again", age, *trouble) : *trouble, Style::bad};
    if (!snapshot) return {"asking finwaitd"};
    const json& stats = snapshot->stats;
    const std::string stopped = policies_stopped(stats);
    return {fmt::format("finwaitd {}, {}, up {}, {} old{}", text_at(stats, "version"), text_at(stats, "mode"),
                        duration_at(stats, "uptime_s"), age, stopped),
            stopped.empty() ? Style::strong : Style::bad};
}

std::vector<Line> header_of(const Model& model, Clock::time_point now) {
    struct Ranked {
        int rank;  // the highest is left out first
        Line line;
    };
    std::vector<Ranked> all = {{1, state_line(model, now)}};
    if (model.snapshot()) {
        const Figures figures(model);
        all.push_back({2, flows_line(figures)});
        all.push_back({5, states_line(figures)});
        all.push_back({3, resets_line(figures)});
        all.push_back({4, packets_line(figures)});
    }
    all.push_back({0, filter_line(model)});
    while (all.size() > model.header_rows())
        all.erase(std::ranges::max_element(all, {}, &Ranked::rank));
    std::vector<Line> lines;
    for (Ranked& ranked : all)
        lines.push_back(std::move(ranked.line));
    return lines;
}

}  // namespace finwait::ctl::top
