// Putting a configuration in force, at the start and while it runs.
#include "config/reload.hpp"

#include "config/load.hpp"
#include "daemon.hpp"
#include "host/memory_reserve.hpp"
#include "shard/clock.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <new>
#include <system_error>
#include <utility>

namespace finwait::daemon {

std::uint32_t Daemon::share(std::uint32_t total) const {
    return std::max(1U, (total + queues_ - 1) / queues_);
}

std::vector<std::string> Daemon::reload(const control::Requester& by) {
    herald_.reloading();
    std::vector<std::string> problems;
    try {
        problems = put_in_force();
    } catch (const std::bad_alloc&) {
        host::note_no_memory();
        problems.emplace_back("there is not enough memory to put another configuration in force");
    } catch (const std::system_error& error) {
        problems.emplace_back(error.what());  // no memory for another thread
    }
    herald_.reloaded();
    tell_of_reload(by, problems);
    return problems;
}

/// The audit file is opened anew even so: it may have been rotated.
std::vector<std::string> Daemon::unchanged(std::vector<std::string> problems) {
    if (const auto problem = audit_.use(settings_.log.audit)) problems.push_back("log.audit: " + *problem);
    problems.push_back(config_file_.string() + ": nothing was changed, the old configuration stays in force");
    return problems;
}

std::vector<std::string> Daemon::put_in_force() {
    const config::Checked checked = config::check(config_file_);
    if (const auto* errors = std::get_if<std::vector<config::Error>>(&checked.result)) {
        std::vector<std::string> problems;
        for (const config::Error& error : *errors)
            problems.push_back(error.text());
        return unchanged(std::move(problems));
    }
    const auto& fresh = std::get<config::Settings>(checked.result);
    if (const auto problem = serve(fresh.metrics))
        return unchanged({config_file_.string() + ": " + *problem});
    if (const auto problem = audit_.use(fresh.log.audit)) {
        // Where it was a moment ago it can be again.
        if (const auto lost = serve(settings_.metrics)) logger_->error("{}", *lost);
        return unchanged({config_file_.string() + ": log.audit: " + *problem});
    }
    reload_notes_.clear();
    for (const policy::Policy& policy : settings_.policies)
        past_policies_.insert(policy.name);
    for (const std::string& key : config::take_over(fresh, settings_))
        note_at_reload(fmt::format("{} has changed: it takes a restart to come into force", key));
    for (const config::Error& warning : checked.warnings)
        note_at_reload(warning.text());
    logger_->set_level(spdlog::level::from_str(settings_.log.level));
    for (const auto& shard : shards_) {
        const shard::Handle handle = shard->handle();
        handle.ask(
            [tuning = tuning(), wake = handle.wake, logger = logger_](engine::Engine& engine, Instant now) {
                const std::uint64_t refused = engine.counters().memory_refused;
                engine.tune(now, tuning);
                if (engine.counters().memory_refused != refused)
                    logger->warn(
                        "limits.half_closed_per_source is not in force: there is not enough memory to count "
                        "by it");
                wake();
            });
    }
    fit_conntrack();
    look_up_groups();
    if (rule_watch_) {
        rule_watch_->use(settings_.intercept.watch_rules);
        rule_watch_->restore_now();
    }
    return {};
}

void Daemon::fit_conntrack() {
    const bool kept = registrar_.has_value();
    const std::vector<std::string> said_before =
        std::exchange(said_of_conntrack_, conntrack_clock_.fit(settings_, kept));
    for (const std::string& said : said_of_conntrack_)
        if (std::ranges::find(said_before, said) == said_before.end())
            logger_->log(
                settings_.conntrack.manage_timeouts || kept ? spdlog::level::info : spdlog::level::warn, "{}",
                said);
    if (kept)
        registrar_->keep_entries(
            std::chrono::seconds(machine::seconds_for(machine::longest_silence(settings_))),
            [] { return machine::shortest_timeout(); });
}

/// They may have been created since the start.
void Daemon::look_up_groups() {
    std::vector<std::string> notes;
    server_->look_up_groups(notes);
    web_->give_to(settings_.control.group, notes);
    for (std::string& note : notes)
        note_at_reload(std::move(note));
}

/// For the log, and for who has asked for the reload.
void Daemon::note_at_reload(std::string note) {
    logger_->warn("{}", note);
    reload_notes_.push_back(std::move(note));
}

engine::Tuning Daemon::tuning() const {
    engine::Tuning tuning;
    tuning.policies = policy::PolicySet(settings_.policies, settings_.timeouts);
    tuning.resets_per_second = share(settings_.limits.resets_per_second);
    tuning.probes_per_second = share(settings_.limits.probes_per_second);
    tuning.pressure = settings_.limits.pressure;
    tuning.half_closed_per_source = settings_.limits.half_closed_per_source;
    tuning.source_prefixes = settings_.limits.source_prefixes;
    tuning.breaker_share = settings_.limits.breaker_share;
    tuning.observe = settings_.mode == config::Mode::observe;
    if (const std::string spare = spared(); !spare.empty())
        tuning.spare = std::get<policy::Filter>(policy::Filter::parse(spare, policy::Purpose::policy_match));
    return tuning;
}

}  // namespace finwait::daemon
