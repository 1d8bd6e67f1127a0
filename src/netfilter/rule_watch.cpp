#include "netfilter/rule_watch.hpp"

#include <new>
#include <utility>

namespace finwait::netfilter {
namespace {

using Clock = std::chrono::steady_clock;
using config::WatchRules;

constexpr std::chrono::milliseconds kInterval(250);
/// Between two looks by the tools, however often other rules are changed.
constexpr std::chrono::seconds kBetweenLooks(1);
/// Where there are changes that the kernel does not show.
constexpr std::chrono::seconds kRegularLook(30);
/// The tools for one look, or for putting the rules back once.
constexpr std::chrono::seconds kToolPatience(20);

}  // namespace

RuleWatch::RuleWatch(const InstalledRules& rules, WatchRules mode, Listener listener, const ToolTime& time)
    : rules_(rules), mode_(mode), listener_(std::move(listener)) {
    learn(Clock::now(), time);
}

void RuleWatch::start() {
    thread_ = std::thread([this] { run(); });
}

/// What is there is what has just been installed. Where the tools fail, it is asked for again later.
void RuleWatch::learn(Time now, const ToolTime& time) {
    seen_ = stamp_.read();
    auto listed = rules_.list(time);
    if (auto* lines = std::get_if<std::vector<std::string>>(&listed)) expected_ = std::move(*lines);
    if (!expected_.empty()) return;
    looked_ = now;
    if (const auto* error = std::get_if<RuleError>(&listed))
        complain("finwaitd's firewall rules cannot be looked at: " + error->message);
}

void RuleWatch::stop() {
    ++stops_;
    {
        const std::lock_guard lock(lock_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void RuleWatch::restore_now() {
    {
        const std::lock_guard lock(lock_);
        wanted_ = true;
    }
    wake_.notify_all();
}

std::vector<std::string> RuleWatch::missing_lines() const {
    const std::lock_guard lock(lock_);
    return missing_lines_;
}

void RuleWatch::run() {
    std::unique_lock lock(lock_);
    while (!stopping_) {
        asked_ = std::exchange(wanted_, false);
        lock.unlock();
        step_surely(Clock::now());
        lock.lock();
        wake_.wait_for(lock, kInterval, [this] { return stopping_ || wanted_; });
    }
}

/// Without memory to look, it is looked again soon: until then nobody is to stay on hold for ever.
void RuleWatch::step_surely(Time now) {
    try {
        step(now);
    } catch (const std::bad_alloc&) {
        seen_.clear();
    }
}

void RuleWatch::step(Time now) {
    if (expected_.empty()) {
        if (asked_ || now - looked_ >= kRegularLook) learn(now, ToolTime(kToolPatience, &stops_));
        return;
    }
    if (mode_ == WatchRules::off && !asked_ && !wrong_) return;
    std::vector<std::uint32_t> stamp = stamp_.read();
    if (!due(now, stamp != seen_)) return;
    seen_ = std::move(stamp);
    looked_ = now;
    look(now);
}

bool RuleWatch::due(Time now, bool changed) const {
    if (asked_ || (changed && now - looked_ >= kBetweenLooks)) return true;
    if (wrong_ && mode_ == WatchRules::restore) return now >= patience_.next();
    return !stamp_.complete() && now - looked_ >= kRegularLook;
}

/// Nothing is ended while the tools run: perhaps packets pass unseen already.
void RuleWatch::look(Time now) {
    if (!wrong_) listener_.hold();
    std::optional<RuleDifference> found = difference();
    if (!found) {
        if (!wrong_) listener_.go_on(false);
        return;
    }
    if (found->any() && !wrong_) note_missing(now, *found);
    const bool may = asked_ || (mode_ == WatchRules::restore && now >= patience_.next());
    const bool by_us = found->any() && may;
    if (by_us) found = put_back(now, std::move(*found));
    note(*found);
    if (found->any()) return;
    if (wrong_) return note_whole(by_us);
    listener_.go_on(false);
}

std::optional<RuleDifference> RuleWatch::difference() {
    const auto listed = rules_.list(ToolTime(kToolPatience, &stops_));
    if (const auto* error = std::get_if<RuleError>(&listed)) {
        complain("finwaitd's firewall rules cannot be looked at: " + error->message);
        return std::nullopt;
    }
    return compare_rules(expected_, std::get<std::vector<std::string>>(listed));
}

RuleDifference RuleWatch::put_back(Time now, RuleDifference wrong) {
    if (asked_) patience_.forget();
    patience_.note_try(now);
    for (const bool anew : {false, true}) {
        if (const auto error = rules_.restore(anew, ToolTime(kToolPatience, &stops_))) {
            complain("finwaitd's firewall rules cannot be put back: " + error->message);
            break;
        }
        seen_ = stamp_.read();
        if (auto now_wrong = difference()) wrong = std::move(*now_wrong);
        if (!wrong.any()) break;
    }
    return wrong;
}

void RuleWatch::note_missing(Time now, const RuleDifference& wrong) {
    wrong_ = true;
    patience_.note_missing(now);
    listener_.tell({RuleNews::Kind::missing,
                    "finwaitd's firewall rules have been changed by others: " + wrong.text() +
                        ". Connections pass unseen, and none is ended before the rules are there again. " +
                        plans(),
                    wrong.missing});
}

void RuleWatch::note_whole(bool by_us) {
    wrong_ = complained_ = false;
    if (by_us) ++restored_;
    listener_.go_on(true);
    listener_.tell({RuleNews::Kind::restored,
                    by_us ? "finwaitd's firewall rules have been put back"
                          : "finwaitd's firewall rules are there again: others have put them back",
                    {}});
}

void RuleWatch::note(const RuleDifference& wrong) {
    missing_ = wrong.count();
    const std::lock_guard lock(lock_);
    missing_lines_ = wrong.missing;
}

void RuleWatch::complain(const std::string& problem) {
    if (!std::exchange(complained_, true)) listener_.tell({RuleNews::Kind::failed, problem, {}});
}

std::string RuleWatch::plans() const {
    if (mode_ != WatchRules::restore)
        return "\"finwaitctl reload\" puts them back; intercept.watch_rules = \"restore\" does it by itself";
    if (!patience_.worn_out()) return "They are being put back";
    return "Somebody takes them away again and again, so they are put back only every ten minutes, or by "
           "\"finwaitctl reload\": find out who changes the firewall, and have finwaitd started after it, or "
           "put "
           "its rules (finwaitctl rules) there and set intercept.backend = \"none\"";
}

}  // namespace finwait::netfilter
