// What needs conntrack: the addresses that each side knows, and what it has seen when we have not.
#include "daemon.hpp"
#include "machine/facts.hpp"
#include "machine/findings.hpp"
#include "netfilter/conntrack.hpp"

#include <array>
#include <chrono>

namespace finwait::daemon {

namespace {

constexpr std::uint32_t kAnyMark = 0;

/// For tools that only look for something to warn of.
constexpr std::chrono::seconds kMarkPatience(5);

const std::string kByForwardHook =
    "; flows behind NAT are asked and reset by the addresses of the forward hook, which their ends may not "
    "know";

/// What is not known to be ours is queued in the output hook, too, where all packets are.
std::uint32_t group_of_tracked(const config::Intercept& intercept) {
    const bool would_be_queued = intercept.local() && intercept.packets == config::Packets::all;
    return would_be_queued ? netfilter::kSenderGroup : inject::kOwnGroup;
}

}  // namespace

/// The rules can keep from conntrack, and from the queues of the output hook, only what they can tell from
/// others.
bool Daemon::choose_group() {
    const auto injector = inject::Injector::open(group_);
    const auto* problem = std::get_if<inject::InjectError>(&injector);
    if (problem == nullptr) return true;
    if (settings_.intercept.local()) {
        logger_->error("{}; without that intercept.scope can only be \"forward\"", problem->message);
        return false;
    }
    group_ = inject::kOwnGroup;
    logger_->warn("{}{}", problem->message, kByForwardHook);
    return true;
}

/// Segments of ours may pass conntrack by only if we can write what NAT would have written.
void Daemon::try_conntrack() {
    const tcp::Endpoint nobody{tcp::Address::v4(std::array<std::uint8_t, 4>{}), 0};
    auto conntrack = netfilter::Conntrack::open();
    const auto* problem = std::get_if<netfilter::ConntrackError>(&conntrack);
    std::variant<std::optional<netfilter::Translation>, netfilter::ConntrackError> answer;
    if (problem == nullptr) {
        answer = std::get<netfilter::Conntrack>(conntrack).find(nobody, nobody);
        problem = std::get_if<netfilter::ConntrackError>(&answer);
    }
    asks_conntrack_ = problem == nullptr && group_ == netfilter::kSenderGroup;
    if (problem != nullptr) logger_->warn("{}{}", problem->message, kByForwardHook);
}

/// Where they are copied, the operator's own routing suffers from ours being there at all.
void Daemon::check_marks() {
    const netfilter::ToolTime time(kMarkPatience, &stop_requests_.count());
    const machine::Finding found = machine::marks(machine::find_mark_copies(time), settings_);
    if (found.grade == machine::Grade::warning) logger_->warn("{} To do: {}", found.what, found.advice);
}

/// What passes while we are stopped is known later only where conntrack has seen it.
void Daemon::check_tracking() {
    const config::Intercept& intercept = settings_.intercept;
    if (intercept.packets == config::Packets::selective || !intercept.forward()) return;
    const netfilter::ToolTime time(kMarkPatience, &stop_requests_.count());
    const machine::Finding found = machine::tracking(machine::find_tracking(time), settings_);
    if (found.grade == machine::Grade::warning) logger_->warn("{} To do: {}", found.what, found.advice);
}

bool Daemon::translate_addresses() {
    if (!rules_->untracked()) return true;
    for (const auto& shard : shards_) {
        auto conntrack = netfilter::Conntrack::open();
        auto tracked = inject::Injector::open(group_of_tracked(settings_.intercept));
        const auto* unasked = std::get_if<netfilter::ConntrackError>(&conntrack);
        const auto* unsent = std::get_if<inject::InjectError>(&tracked);
        if (unasked != nullptr || unsent != nullptr) {
            logger_->error("{}", unasked != nullptr ? unasked->message : unsent->message);
            return false;
        }
        shard->translate(std::get<netfilter::Conntrack>(std::move(conntrack)),
                         std::get<inject::Injector>(std::move(tracked)),
                         [this](const std::string& problem) { logger_->warn("{}", problem); });
        if (settings_.intercept.packets == config::Packets::selective)
            shard->queued_by(settings_.intercept.mark_mask);
    }
    return true;
}

void Daemon::open_registrar() {
    if (!rules_->untracked()) return;
    const bool marked = settings_.intercept.packets == config::Packets::selective;
    registrar_.emplace(shards_, marked ? settings_.intercept.mark_mask : kAnyMark,
                       [this](const std::string& problem) { logger_->warn("{}", problem); });
    for (const auto& shard : shards_) {
        shard->tell_losses([this] { registrar_->after_loss(); });
        shard->tell_ends([this](const netfilter::Translation& gone) { registrar_->remove(gone); });
    }
}

/// Those in whose place this machine answers; in vain where it does not follow its own connections.
bool Daemon::open_own_sockets() {
    if (!settings_.intercept.local()) return true;
    bool ends = false;
    for (const auto& shard : shards_) {
        auto sockets = host::Sockets::open();
        if (const auto* error = std::get_if<host::SocketError>(&sockets)) {
            logger_->error("{}; without that intercept.scope can only be \"forward\"", error->message);
            return false;
        }
        ends = std::get<host::Sockets>(sockets).can_end();
        shard->know_own_sockets(std::get<host::Sockets>(std::move(sockets)),
                                [this](const std::string& problem) { logger_->warn("{}", problem); });
    }
    logger_->info("this machine's own connections are followed{}, and ended by {}",
                  settings_.intercept.loopback ? ", loopback too" : "",
                  ends ? "their kernel (sock_diag)"
                       : "RSTs, because this kernel does not end sockets on request "
                         "(CONFIG_INET_DIAG_DESTROY)");
    return true;
}

}  // namespace finwait::daemon
