#include "peers.hpp"

#include "netfilter/conntrack.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <variant>

namespace finwait::daemon {

namespace {

using std::chrono::steady_clock;

constexpr steady_clock::duration kPatience = std::chrono::seconds(1);

class Inquiry {
  public:
    Inquiry() {
        auto opened = netfilter::Conntrack::open();
        if (auto* conntrack = std::get_if<netfilter::Conntrack>(&opened)) conntrack_ = std::move(*conntrack);
    }

    std::vector<control::Peers> of(const std::vector<engine::FlowReport>& flows) {
        std::vector<control::Peers> peers(flows.size());
        netfilter::Conntrack::Wanted wanted;
        for (std::size_t i = 0; conntrack_ && i < flows.size(); ++i) {
            const policy::Subject& flow = flows[i].subject;
            const auto answer = conntrack_->find(flow.client, flow.server);
            const auto* found = std::get_if<std::optional<netfilter::Translation>>(&answer);
            if (found == nullptr) return peers;  // conntrack does not answer
            if (*found)
                peers[i] = peers_of(flow, **found);
            else
                wanted.try_emplace(std::minmax(flow.client, flow.server));
        }
        if (!wanted.empty() && search(wanted)) take(wanted, flows, peers);
        return peers;
    }

  private:
    /// What an incomplete pass has found is true all the same.
    bool search(netfilter::Conntrack::Wanted& wanted) {
        if (left_ <= steady_clock::duration::zero()) return false;
        const auto begun = steady_clock::now();
        static_cast<void>(conntrack_->search(wanted));
        left_ -= steady_clock::now() - begun;
        return true;
    }

    static void take(const netfilter::Conntrack::Wanted& wanted, const std::vector<engine::FlowReport>& flows,
                     std::vector<control::Peers>& peers) {
        for (std::size_t i = 0; i < flows.size(); ++i) {
            const policy::Subject& flow = flows[i].subject;
            const auto at = wanted.find(std::minmax(flow.client, flow.server));
            if (at != wanted.end() && at->second) peers[i] = peers_of(flow, *at->second);
        }
    }

    static control::Peers peers_of(const policy::Subject& flow, const netfilter::Translation& translation) {
        const bool opened_by_client = translation.opener.own == flow.client;
        const tcp::Endpoint& client = (opened_by_client ? translation.opener : translation.answerer).shown;
        const tcp::Endpoint& server = (opened_by_client ? translation.answerer : translation.opener).shown;
        return std::array{server, client};  // the client sees what the server is shown as
    }

    std::optional<netfilter::Conntrack> conntrack_;
    steady_clock::duration left_ = kPatience;
};

}  // namespace

control::LookUp look_up_peers() {
    return [inquiry = std::make_shared<Inquiry>()](const std::vector<engine::FlowReport>& flows) {
        return inquiry->of(flows);
    };
}

bool shifts_numbers(const engine::FlowReport& flow) {
    auto opened = netfilter::Conntrack::open();
    auto* conntrack = std::get_if<netfilter::Conntrack>(&opened);
    if (conntrack == nullptr) return false;
    const auto answer = conntrack->find(flow.subject.client, flow.subject.server);
    const auto* found = std::get_if<std::optional<netfilter::Translation>>(&answer);
    return found != nullptr && *found && (*found)->shifted;
}

}  // namespace finwait::daemon
