// Our firewall rules while finwaitd runs: what they are, and what is told and done when others change them.
#include "daemon.hpp"
#include "shard/clock.hpp"

#include <algorithm>

#include <boost/asio/post.hpp>

namespace finwait::daemon {

netfilter::RulePlan Daemon::plan() const {
    const config::Intercept& intercept = settings_.intercept;
    netfilter::RulePlan plan;
    plan.packets = intercept.packets;
    plan.first_queue = intercept.first_queue;
    plan.queues = queues_;
    plan.mark_mask = intercept.mark_mask;
    plan.untracked = asks_conntrack_;
    plan.scope = intercept.scope;
    plan.loopback = intercept.loopback;
    plan.spread = intercept.spread;
    return plan;
}

/// What is missing of those in force follows as comments.
std::string Daemon::rules_text(std::string_view backend) const {
    const bool nftables = backend.empty() ? rules_ && rules_->backend() == netfilter::RuleBackend::nftables
                                          : backend == "nftables";
    std::string text = nftables ? netfilter::render_nftables(plan()) : netfilter::render_iptables(plan());
    if (backend.empty() && rule_watch_)
        for (const std::string& line : rule_watch_->missing_lines())
            text += "# missing in the kernel: " + line + '\n';
    return text;
}

void Daemon::watch_rules() {
    if (!rules_->backend()) return;
    netfilter::RuleWatch::Listener listener;
    listener.hold = [this] {
        for (const auto& shard : shards_)
            shard->hold();
    };
    listener.go_on = [this](bool missed) {
        for (const auto& shard : shards_)
            shard->go_on(missed);
    };
    listener.tell = [this](const netfilter::RuleNews& news) {
        boost::asio::post(control_io_, [this, news] { tell_of_rules(news); });
    };
    rule_watch_.emplace(*rules_, settings_.intercept.watch_rules, std::move(listener),
                        netfilter::ToolTime(netfilter::kToolLimit, &stop_requests_.count()));
    rule_watch_->start();
}

void Daemon::tell_of_rules(const netfilter::RuleNews& news) {
    using Kind = netfilter::RuleNews::Kind;
    if (news.kind == Kind::failed) return logger_->error("{}", news.text);
    const bool missing = news.kind == Kind::missing;
    observe::Line(missing ? observe::Message::rules_missing : observe::Message::rules_restored, news.text)
        .log(*logger_, missing ? spdlog::level::warn : spdlog::level::info);
    keep("rules_changed",
         observe::rules_line(observe::WallClock::now(), missing ? "missing" : "restored", news.missing));
}

control::RuleStats Daemon::rule_stats() const {
    if (!rule_watch_) return {};
    return {rule_watch_->missing(), rule_watch_->restored()};
}

}  // namespace finwait::daemon
