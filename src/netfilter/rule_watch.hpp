// Notices on a thread of its own when others remove or change our rules, and puts them back or leaves that to
// the operator. What it costs: a question to the kernel four times a second, and the tools only when somebody
// has changed some rule, at most once a second.
#pragma once

#include "config/settings.hpp"
#include "netfilter/patience.hpp"
#include "netfilter/rule_difference.hpp"
#include "netfilter/rule_stamp.hpp"
#include "netfilter/rules.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace finwait::netfilter {

/// What the operator is told.
struct RuleNews {
    enum class Kind : std::uint8_t {
        missing,
        restored,  // they are there again
        failed,    // putting them back, or looking at them; nothing is known to have changed
    };
    Kind kind;
    std::string text;
    std::vector<std::string> missing;  // lines
};

class RuleWatch {
  public:
    /// Called on the watch's thread; they must not wait.
    struct Listener {
        /// Packets may pass unseen from now on, until go_on().
        std::function<void()> hold;
        /// `missed`: they have, or some may have.
        std::function<void(bool missed)> go_on;
        std::function<void(const RuleNews&)> tell;
    };

    /// Lists the rules, within `time`. REQUIRES: `rules` have just been installed, and stay until stop().
    RuleWatch(const InstalledRules& rules, config::WatchRules mode, Listener listener,
              const ToolTime& time = ToolTime(kInstallPatience));
    ~RuleWatch() { stop(); }
    RuleWatch(const RuleWatch&) = delete;
    RuleWatch& operator=(const RuleWatch&) = delete;

    void start();
    /// A tool that is running is ended.
    void stop();

    /// From now on. May be called on any thread, as may all below.
    void use(config::WatchRules mode) { mode_ = mode; }
    /// Looks at once, and puts back what is missing, whatever the mode and however often that was done.
    void restore_now();

    /// Lines of ours that are not as they should be.
    [[nodiscard]] std::uint64_t missing() const { return missing_; }
    /// How often they were put back.
    [[nodiscard]] std::uint64_t restored() const { return restored_; }
    [[nodiscard]] std::vector<std::string> missing_lines() const;

  private:
    using Time = Patience::Time;

    void run();
    void step_surely(Time now);
    void step(Time now);
    void learn(Time now, const ToolTime& time);
    [[nodiscard]] bool due(Time now, bool changed) const;
    void look(Time now);
    /// What is wrong with the rules; what went wrong with looking is told.
    [[nodiscard]] std::optional<RuleDifference> difference();
    [[nodiscard]] RuleDifference put_back(Time now, RuleDifference wrong);
    void note_missing(Time now, const RuleDifference& wrong);
    void note_whole(bool by_us);
    void note(const RuleDifference& wrong);
    void complain(const std::string& problem);
    [[nodiscard]] std::string plans() const;

    const InstalledRules& rules_;
    std::atomic<config::WatchRules> mode_;
    Listener listener_;
    RuleStamp stamp_;
    std::vector<std::uint32_t> seen_;    // the stamp of the last look
    std::vector<std::string> expected_;  // as they were after they had been installed
    Patience patience_;
    Time looked_;
    bool asked_ = false;       // by restore_now(), and this look is for it
    bool wrong_ = false;       // as of the last look
    bool complained_ = false;  // since something last worked
    std::atomic<std::uint64_t> missing_ = 0;
    std::atomic<std::uint64_t> restored_ = 0;
    std::atomic<unsigned> stops_ = 0;  // ends the tools
    mutable std::mutex lock_;          // of what follows
    std::condition_variable wake_;
    std::vector<std::string> missing_lines_;
    bool wanted_ = false;  // by restore_now()
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace finwait::netfilter
