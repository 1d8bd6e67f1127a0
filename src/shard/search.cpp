#include "shard/search.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

namespace finwait::shard {
namespace {

Search::Result search(Search::Wanted wanted) {
    const auto begun = std::chrono::steady_clock::now();
    Search::Result result{std::move(wanted)};
    auto conntrack = netfilter::Conntrack::open();
    if (auto* error = std::get_if<netfilter::ConntrackError>(&conntrack))
        result.error = std::move(*error);
    else
        result.error = std::get<netfilter::Conntrack>(conntrack).search(result.wanted);
    result.taken = std::chrono::steady_clock::now() - begun;
    return result;
}

}  // namespace

void Search::add(const tcp::Endpoint& a, const tcp::Endpoint& b) {
    wanted_.try_emplace(std::minmax(a, b));
}

void Search::start() {
    if (busy_ || wanted_.empty()) return;
    busy_ = true;
    timer_.expires_at(next_);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) run();
    });
}

void Search::run() {
    if (!helper_) helper_.emplace(1);
    boost::asio::post(*helper_, [this, wanted = std::exchange(wanted_, {})]() mutable {
        boost::asio::post(io_, [this, result = search(std::move(wanted))] {
            next_ = std::chrono::steady_clock::now() + kRest * result.taken;
            busy_ = false;
            done_(result);
            start();
        });
    });
}

}  // namespace finwait::shard
