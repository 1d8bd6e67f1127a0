// The wiring: queues, shards, rules, control socket and signals, brought up in an order in which a failure
// leaves nothing behind, and taken down in one that drops no packet.
#pragma once

#include "adoption.hpp"
#include "config/settings.hpp"
#include "control/server.hpp"
#include "herald.hpp"
#include "machine/balance.hpp"
#include "machine/conntrack_clock.hpp"
#include "machine/detours.hpp"
#include "netfilter/queue_guard.hpp"
#include "netfilter/rule_watch.hpp"
#include "netfilter/rules.hpp"
#include "observe/audit.hpp"
#include "observe/feed.hpp"
#include "observe/journal.hpp"
#include "shard/registrar.hpp"
#include "shard/shard.hpp"
#include "stop_requests.hpp"
#include "web/server.hpp"

#include <array>
#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <spdlog/logger.h>

namespace finwait::daemon {

class Daemon {
  public:
    /// Without `guard` packets wait for a daemon that is stopped.
    Daemon(config::Settings settings, std::filesystem::path config_file,
           std::shared_ptr<spdlog::logger> logger, std::unique_ptr<netfilter::QueueGuard> guard);

    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    /// Runs until SIGTERM, SIGINT or SIGQUIT. Returns the exit status: 0 after a clean end, 1 when it could
    /// not start or firewall rules are left, 2 when it could not start because of the configuration.
    [[nodiscard]] int run();

  private:
    [[nodiscard]] bool open_audit();
    [[nodiscard]] bool open_shards();
    bool choose_group();
    void introduce_shards();
    [[nodiscard]] bool translate_addresses();
    [[nodiscard]] bool open_own_sockets();
    void open_registrar();
    void start_shards();
    void adopt(const machine::Facts& facts);
    static void yield_to_packets();
    void serve_requests();
    void tell_of_start();
    [[nodiscard]] bool open_control();
    void audit_requests(control::Hooks& hooks);
    void keep(std::string_view type, std::string line, std::optional<engine::FlowId> flow = {});
    [[nodiscard]] bool open_web();
    /// Serves where these settings say; what is wrong with that, or nothing.
    [[nodiscard]] std::optional<std::string> serve(const config::Metrics& metrics);
    [[nodiscard]] control::Hooks hooks();
    void try_conntrack();
    [[nodiscard]] bool install_rules();
    void watch_rules();
    void tell_of_rules(const netfilter::RuleNews& news);
    [[nodiscard]] control::RuleStats rule_stats() const;
    void fit_conntrack();
    void check_marks();
    void check_tracking();
    void leave_detours_alone();
    void read_detours();
    void wait_for_detours();
    void watch_balance();
    void watch_signals();
    [[nodiscard]] bool asked_to_stop() const { return stop_requests_.count() > 0; }
    void stop();
    void stop_surely();
    void stop_shards();
    void remove_rules();
    void watch_guard();
    void watch_openings();
    void note_openings();

    /// Puts the configuration file in force; what is wrong with it, or nothing.
    [[nodiscard]] std::vector<std::string> reload(const control::Requester& by);
    void tell_of_reload(const control::Requester& by, const std::vector<std::string>& problems);
    [[nodiscard]] std::vector<std::string> put_in_force();
    [[nodiscard]] std::vector<std::string> unchanged(std::vector<std::string> problems);
    void look_up_groups();
    void note_at_reload(std::string note);
    [[nodiscard]] std::vector<shard::Handle> handles() const;
    [[nodiscard]] std::string rules_text(std::string_view backend) const;
    [[nodiscard]] control::QueueStats queue_stats() const;
    [[nodiscard]] control::WireStats wire_stats() const;
    [[nodiscard]] control::AsideStats aside_stats() const;
    [[nodiscard]] netfilter::RulePlan plan() const;
    [[nodiscard]] engine::Tuning tuning() const;
    [[nodiscard]] std::string spared() const;
    /// Of a limit that all shards share.
    [[nodiscard]] std::uint32_t share(std::uint32_t total) const;

    config::Settings settings_;
    std::filesystem::path config_file_;
    std::shared_ptr<spdlog::logger> logger_;
    observe::Journal journal_;
    observe::Audit audit_;
    observe::Feed feed_;                     // of the control thread: what is asked for, and reloads
    std::vector<std::string> reload_notes_;  // of the last reload that has changed something
    std::set<std::string> past_policies_;    // the names of those that a reload has taken out of force
    std::uint16_t queues_;

    StopRequests stop_requests_;
    boost::asio::io_context control_io_{1};
    boost::asio::signal_set signals_{control_io_};
    machine::DetourWatch detour_watch_;
    boost::asio::posix::stream_descriptor detours_changed_{control_io_};
    boost::asio::steady_timer settle_{control_io_};
    machine::Detours detours_;
    machine::Balance balance_;
    boost::asio::steady_timer balance_due_{control_io_};
    std::array<std::atomic<bool>, shard::kReasons> told_aside_{};  // by any shard
    std::unique_ptr<netfilter::QueueGuard> guard_;
    boost::asio::posix::stream_descriptor guard_ended_{control_io_};
    boost::asio::steady_timer openings_due_{control_io_};
    Instant openings_looked_;  // at the queues that the guard may have opened
    Duration stood_still_{0};  // this thread, as far as it is remembered
    Instant stood_until_;      // when that is forgotten
    std::uint64_t openings_told_ = 0;
    std::vector<std::unique_ptr<shard::Shard>> shards_;
    Herald herald_{control_io_};
    std::optional<Adoption> adoption_;
    std::optional<shard::Registrar> registrar_;  // where conntrack can be asked
    std::unique_ptr<control::Server> server_;
    std::optional<web::Server> web_;
    std::optional<netfilter::InstalledRules> rules_;
    std::optional<netfilter::RuleWatch> rule_watch_;  // where the rules are ours
    machine::ConntrackClock conntrack_clock_;
    std::vector<std::string> said_of_conntrack_;  // in the log; a reload repeats nothing of it
    bool asks_conntrack_ = false;
    int status_ = 0;                                 // that run() returns
    std::uint32_t group_ = netfilter::kSenderGroup;  // of what we send
};

}  // namespace finwait::daemon
