#include "shard/registrar.hpp"

#include "host/memory_reserve.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include <boost/asio/post.hpp>

namespace finwait::shard {
namespace {

using netfilter::Conntrack;
using netfilter::ConntrackError;

/// What is just changing at one look is settled by the next. The first waits for what the queues still hold.
constexpr std::array kBeforeLook = {std::chrono::milliseconds(300), std::chrono::milliseconds(1000),
                                    std::chrono::milliseconds(2500)};
/// How many times as long as a look has taken none follows it.
constexpr int kRest = 9;
/// An entry is seen this often at least before conntrack's shortest timeout for it runs out.
constexpr int kPassesInTime = 4;
constexpr std::chrono::seconds kShortestPass(1);
constexpr std::chrono::seconds kLongestPass(30);
/// More are not remembered; conntrack forgets the rest by itself.
constexpr std::size_t kMostRemovals = 65536;
constexpr std::chrono::minutes kComplainEvery(1);

}  // namespace

void Registrar::start() {
    thread_ = std::thread([this] {
        while (!io_.stopped()) {
            try {
                io_.run();
            } catch (const std::bad_alloc&) {
                host::note_no_memory();
            }
        }
    });
}

void Registrar::stop() {
    if (!thread_.joinable()) return;
    stopping_ = true;
    io_.stop();
    thread_.join();
}

void Registrar::after_loss() {
    if (loss_told_.exchange(true)) return;
    try {
        boost::asio::post(io_, [this] { plan_looks(); });
    } catch (const std::bad_alloc&) {
        loss_told_ = false;
        throw;
    }
}

void Registrar::plan_looks() {
    const bool waiting = looks_left_ > 0;
    looks_left_ = kBeforeLook.size();
    if (!waiting) look_when_due();
}

void Registrar::look_when_due() {
    loss_told_ = false;
    look_timer_.expires_at(
        std::max(Clock::now() + kBeforeLook[kBeforeLook.size() - looks_left_], next_look_));
    look_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) look();
    });
}

void Registrar::look() {
    const Clock::time_point begun = Clock::now();
    attempt([this] { return Look(shards_, tracks_, stopping_).take(); });
    const Clock::time_point over = Clock::now();
    next_look_ = over + kRest * (over - begun);
    if (--looks_left_ > 0) look_when_due();
}

void Registrar::keep_entries(std::chrono::seconds more, Shortest shortest) {
    boost::asio::post(io_, [this, more, shortest = std::move(shortest)] {
        more_time_ = more;
        shortest_ = shortest;
        keep();
    });
}

void Registrar::keep() {
    const std::chrono::seconds every = std::clamp(shortest_() / kPassesInTime, kShortestPass, kLongestPass);
    const Clock::time_point begun = Clock::now();
    attempt([this, every] { return keeping_.pass(2 * every, std::max(more_time_, 4 * every)); });
    const Clock::time_point over = Clock::now();
    keep_timer_.expires_at(std::max(begun + every, over + kRest * (over - begun)));
    keep_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) keep();
    });
}

void Registrar::remove(const netfilter::Translation& connection) {
    const std::lock_guard lock(removals_lock_);
    if (removals_.size() >= kMostRemovals) return;
    if (removals_.empty()) boost::asio::post(io_, [this] { remove_all(); });
    removals_.push_back(connection);
}

void Registrar::remove_all() {
    std::deque<netfilter::Translation> some;
    {
        const std::lock_guard lock(removals_lock_);
        some.swap(removals_);
    }
    auto conntrack = Conntrack::open();
    if (const auto* error = std::get_if<ConntrackError>(&conntrack)) return tell(*error);
    for (const netfilter::Translation& connection : some)
        if (!stopping_) std::get<Conntrack>(conntrack).remove(connection);
}

/// What there is no memory for is left out: the next pass makes up for it.
void Registrar::attempt(const std::function<std::optional<ConntrackError>()>& pass) {
    try {
        if (const auto error = pass()) tell(*error);
    } catch (const std::bad_alloc&) {
        host::note_no_memory();
    }
}

void Registrar::tell(const ConntrackError& error) {
    const Clock::time_point now = Clock::now();
    if (stopping_ || (complained_ != Clock::time_point() && now < complained_ + kComplainEvery)) return;
    complained_ = now;
    complain_(error.message);
}

}  // namespace finwait::shard
