// What probes and resets need to carry the addresses that each side knows.
#include "daemon.hpp"
#include "machine/facts.hpp"
#include "machine/findings.hpp"
#include "netfilter/conntrack.hpp"

#include <array>

namespace finwait::daemon {

namespace {

const std::string kByForwardHook =
    "; flows behind NAT are asked and reset by the addresses of the forward hook, which their ends may not "
    "know";

}  // namespace

/// The rules can keep from conntrack only what they can tell from others.
void Daemon::choose_group() {
    const auto injector = inject::Injector::open(group_);
    const auto* problem = std::get_if<inject::InjectError>(&injector);
    if (problem == nullptr) return;
    group_ = inject::kOwnGroup;
    logger_->warn("{}{}", problem->message, kByForwardHook);
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
    const machine::Finding found = machine::marks(machine::find_mark_copies(), settings_);
    if (found.grade == machine::Grade::warning) logger_->warn("{} To do: {}", found.what, found.advice);
}

bool Daemon::translate_addresses() {
    if (!rules_->untracked()) return true;
    for (const auto& shard : shards_) {
        auto conntrack = netfilter::Conntrack::open();
        auto tracked = inject::Injector::open(inject::kOwnGroup);
        const auto* unasked = std::get_if<netfilter::ConntrackError>(&conntrack);
        const auto* unsent = std::get_if<inject::InjectError>(&tracked);
        if (unasked != nullptr || unsent != nullptr) {
            logger_->error("{}", unasked != nullptr ? unasked->message : unsent->message);
            return false;
        }
        shard->translate(std::get<netfilter::Conntrack>(std::move(conntrack)),
                         std::get<inject::Injector>(std::move(tracked)),
                         [this](const std::string& problem) { logger_->warn("{}", problem); });
    }
    return true;
}

}  // namespace finwait::daemon
