#include "daemon.hpp"

#include "config/cpus.hpp"
#include "config/load.hpp"
#include "host/large_pages.hpp"
#include "host/memory_reserve.hpp"
#include "keeper.hpp"
#include "machine/facts.hpp"
#include "netfilter/queue.hpp"
#include "peers.hpp"
#include "shard/clock.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <new>
#include <random>
#include <sys/resource.h>
#include <thread>

namespace finwait::daemon {

namespace {

/// Above 0, what threads have by default, and far from 19.
constexpr int kPatientPriority = 5;

std::uint64_t random_word() {
    std::random_device source;
    return static_cast<std::uint64_t>(source()) << 32U | source();
}

std::uint16_t count_queues(const config::Intercept& intercept) {
    return intercept.queues > 0 ? intercept.queues : config::automatic_queues(intercept.cpus);
}

}  // namespace

Daemon::Daemon(config::Settings settings, std::filesystem::path config_file,
               std::shared_ptr<spdlog::logger> logger, std::unique_ptr<netfilter::QueueGuard> guard)
    : settings_(std::move(settings)),
      config_file_(std::move(config_file)),
      logger_(logger),
      journal_(logger),
      audit_(std::move(logger)),
      queues_(count_queues(settings_.intercept)),
      guard_(std::move(guard)) {}

/// No shard may run while one that it talks to is destroyed.
Daemon::~Daemon() {
    if (rule_watch_) rule_watch_->stop();
    if (registrar_) registrar_->stop();
    for (const auto& shard : shards_)
        shard->stop();
    if (detours_changed_.is_open()) detours_changed_.release();  // the watch closes its own socket
    if (guard_ended_.is_open()) guard_ended_.release();          // and so does the guard
}

int Daemon::run() {
    watch_signals();  // one that comes while we start is taken when we run
    if (!open_audit()) return 2;
    if (!open_shards() || !open_own_sockets() || !open_control() || !open_web()) return 1;
    try_conntrack();
    take_over_flows(settings_, shards_, *logger_);
    const bool installed = install_rules();
    if (!installed || !translate_addresses()) {
        keep_flows(settings_, shards_, *logger_);
        return installed ? 1 : status_;
    }
    introduce_shards();
    open_registrar();
    host::keep_memory_back();
    const machine::Facts facts = machine::read_proc();  // the timeouts that its entries have now
    fit_conntrack();
    leave_detours_alone();
    start_shards();
    watch_guard();
    if (registrar_) registrar_->start();
    adopt(facts);
    if (queues_ > 1) watch_balance();
    watch_rules();
    check_marks();
    check_tracking();
    tell_of_start();
    yield_to_packets();
    herald_.ready(handles(), [this] {
        return std::string(settings_.mode == config::Mode::observe ? "observing only" : "enforcing");
    });
    serve_requests();
    return status_;
}

/// Until stop(). What runs out of memory is left out, and the rest goes on.
void Daemon::serve_requests() {
    while (!control_io_.stopped()) {
        try {
            control_io_.run();
        } catch (const std::bad_alloc&) {
            host::note_no_memory();
        }
    }
}

/// What passed before the start, or while flows were read in, is looked for afterwards: a look stirs the
/// half-closed connections that nobody follows, and these are not to be stirred for being adopted late.
void Daemon::adopt(const machine::Facts& facts) {
    auto look = [this] {
        if (registrar_) registrar_->after_loss();
    };
    const config::Intercept& intercept = settings_.intercept;
    adoption_->start(facts,
                     {intercept.scope != config::Scope::local, intercept.local(), intercept.loopback,
                      settings_.limits.flows},
                     std::move(look));
}

/// Where processors are scarce, who answers questions waits for who handles packets: on Linux a thread has a
/// priority of its own.
void Daemon::yield_to_packets() {
    static_cast<void>(setpriority(PRIO_PROCESS, 0, kPatientPriority));
}

void Daemon::tell_of_start() {
    const config::Intercept& intercept = settings_.intercept;
    observe::Line(observe::Message::started,
                  fmt::format("finwaitd {} follows TCP on queues {} to {} ({}, {}), control socket {}",
                              FINWAITD_VERSION, intercept.first_queue, intercept.first_queue + queues_ - 1,
                              intercept.packets == config::Packets::all ? "all packets" : "selective",
                              settings_.mode == config::Mode::observe ? "observing only" : "enforcing",
                              settings_.control.socket))
        .log(*logger_, spdlog::level::info);
}

/// A CPU that is not there, or not ours to use, is no reason to let traffic go unwatched.
void Daemon::start_shards() {
    const auto cpus = config::parse_cpus(settings_.intercept.cpus).value_or(std::vector<std::uint16_t>());
    std::set<std::uint16_t> missing;
    std::string reason;
    std::size_t unbound = 0;
    for (std::size_t i = 0; i < shards_.size(); ++i) {
        shards_[i]->start();
        if (cpus.empty()) continue;
        const std::uint16_t cpu = cpus[i % cpus.size()];
        const auto problem = shards_[i]->pin(cpu);
        if (!problem) continue;
        missing.insert(cpu);
        reason = *problem;
        ++unbound;
    }
    if (unbound == 0) return;
    logger_->warn(
        "intercept.cpus: {} of {} threads cannot be bound to their CPUs ({}): {}; the kernel runs them on "
        "any "
        "CPU",
        unbound, shards_.size(),
        config::cpus_text(std::vector<std::uint16_t>(missing.begin(), missing.end())), reason);
}

bool Daemon::open_audit() {
    const std::optional<std::string> problem = audit_.use(settings_.log.audit);
    if (problem) logger_->error("{}: log.audit: {}", config_file_.string(), *problem);
    return !problem;
}

bool Daemon::open_shards() {
    if (!choose_group()) return false;
    for (std::uint16_t i = 0; i < queues_; ++i) {
        netfilter::QueueOptions queue_options;
        queue_options.number = static_cast<std::uint16_t>(settings_.intercept.first_queue + i);
        queue_options.max_length = settings_.intercept.queue_length;
        queue_options.mark = settings_.intercept.mark_mask;
        if (guard_) queue_options.pulse = guard_->new_pulse();
        auto queue = netfilter::Queue::open(queue_options);
        if (const auto* error = std::get_if<netfilter::QueueError>(&queue)) {
            logger_->error("{}", error->message);
            return false;
        }
        if (guard_)
            guard_->watch(queue_options.pulse, queue_options.number,
                          std::get<netfilter::Queue>(queue).descriptor());
        auto injector = inject::Injector::open(group_);
        if (const auto* error = std::get_if<inject::InjectError>(&injector)) {
            logger_->error("{}", error->message);
            return false;
        }
        engine::Options options;
        options.shard = static_cast<std::uint8_t>(i);
        options.max_flows = share(settings_.limits.flows);
        options.selective = settings_.intercept.packets == config::Packets::selective;
        options.hash_key[0] = random_word();
        options.hash_key[1] = random_word();
        options.tuning = tuning();
        options.memory = &host::large_pages();
        shards_.push_back(std::make_unique<shard::Shard>(
            std::move(std::get<netfilter::Queue>(queue)), std::move(std::get<inject::Injector>(injector)),
            std::move(options), [this](const engine::Event& event, const engine::Engine& engine) {
                const std::string& policy = engine.policies()[event.policy].name;
                journal_.note(shard::monotonic_now(), event, policy);
                audit_.note(event, policy);
            }));
    }
    return true;
}

/// What one shard hears of another's flows.
void Daemon::introduce_shards() {
    const bool selective = settings_.intercept.packets == config::Packets::selective;
    adoption_.emplace(control_io_, shards_, logger_, selective ? settings_.intercept.mark_mask : 0);
    if (shards_.size() < 2) return;
    for (const auto& shard : shards_) {
        shard->pass_on_errors([this, self = shard.get()](const tcp::Unreachable& error) {
            for (const auto& other : shards_)
                if (other.get() != self) other->hear(error);
        });
        shard->tell_of_strangers(
            [this, self = shard.get()](const tcp::Segment& segment) { adoption_->seek(*self, segment); });
    }
}

std::vector<shard::Handle> Daemon::handles() const {
    std::vector<shard::Handle> handles;
    for (const auto& shard : shards_)
        handles.push_back(shard->handle());
    return handles;
}

control::Hooks Daemon::hooks() {
    control::Hooks hooks;
    audit_requests(hooks);
    hooks.rules = [this](std::string_view backend) { return rules_text(backend); };
    hooks.queue = [this] { return queue_stats(); };
    hooks.feed = &feed_;
    hooks.audit_lost = [this] { return audit_.lost(); };
    hooks.wire = [this] { return wire_stats(); };
    hooks.rule_stats = [this] { return rule_stats(); };
    hooks.aside = [this] { return aside_stats(); };
    hooks.look_up = &look_up_peers;
    hooks.shifted = &shifts_numbers;
    hooks.mode = [this] {
        return std::string(settings_.mode == config::Mode::observe ? "observe" : "enforce");
    };
    hooks.reload_notes = [this] { return reload_notes_; };
    hooks.config = [this] { return control::ConfigText{config_file_.string(), config::print(settings_)}; };
    hooks.policies = [this] {
        std::vector<std::string> names;
        for (const policy::Policy& policy : settings_.policies)
            names.push_back(policy.name);
        names.emplace_back(policy::kDefaultName);
        return names;
    };
    hooks.past_policies = [this] {
        return std::vector<std::string>(past_policies_.begin(), past_policies_.end());
    };
    hooks.version = FINWAITD_VERSION;
    return hooks;
}

bool Daemon::open_control() {
    std::vector<std::string> notes;
    const config::Control& place = settings_.control;
    auto opened = control::Server::open(control_io_, {place.socket, place.group, place.admin_group},
                                        handles(), hooks(), notes);
    for (const std::string& note : notes)
        logger_->warn("{}", note);
    if (const auto* error = std::get_if<std::string>(&opened)) {
        logger_->error("{}", *error);
        return false;
    }
    server_ = std::move(std::get<std::unique_ptr<control::Server>>(opened));
    return true;
}

bool Daemon::install_rules() {
    std::vector<std::string> notes;
    netfilter::RuleError error;
    const netfilter::ToolTime time(netfilter::kInstallPatience, &stop_requests_.count());
    rules_ = netfilter::InstalledRules::install(plan(), settings_.intercept.backend, notes, error, time);
    for (const std::string& note : notes)
        logger_->warn("{}", note);
    if (!rules_) {
        if (asked_to_stop() && !error.left) {
            logger_->info("finwaitd is asked to stop before its rules are installed");
        } else {
            logger_->error("{}", error.message);
            status_ = 1;
        }
        return false;
    }
    if (const auto backend = rules_->backend())
        logger_->info("rules installed by {}", netfilter::name(*backend));
    else
        logger_->info(
            "no rules installed (intercept.backend = \"none\"); finwaitctl rules prints what is needed");
    return true;
}

}  // namespace finwait::daemon
