#include "shard/nat_scan.hpp"

#include "host/memory_reserve.hpp"

#include <algorithm>
#include <new>
#include <thread>
#include <utility>

#include <boost/asio/post.hpp>

namespace finwait::shard {
namespace {

/// Before what has failed for want of memory is tried again.
constexpr auto kWithoutMemory = std::chrono::milliseconds(10);

/// On the helper's thread, out of which nothing may be thrown.
void search(NatScan::Result& result) noexcept {
    const auto begun = std::chrono::steady_clock::now();
    try {
        auto conntrack = netfilter::Conntrack::open();
        if (auto* error = std::get_if<netfilter::ConntrackError>(&conntrack))
            result.error = std::move(*error);
        else
            result.error = std::get<netfilter::Conntrack>(conntrack).search(result.wanted);
    } catch (const std::bad_alloc&) {
        host::note_no_memory();
        result.error.emplace().message = "no memory";  // short enough to need none
    }
    result.taken = std::chrono::steady_clock::now() - begun;
}

}  // namespace

void NatScan::add(const tcp::Endpoint& a, const tcp::Endpoint& b) {
    wanted_.try_emplace(std::minmax(a, b));
}

void NatScan::start() {
    if (busy_ || wanted_.empty()) return;
    timer_.expires_at(next_);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) run();
    });
    busy_ = true;
}

/// What cannot be begun for want of memory is begun with the next start().
void NatScan::run() {
    busy_ = false;
    const auto result = std::make_shared<Result>();
    std::swap(result->wanted, wanted_);
    try {
        boost::asio::post(*helper_, [this, result] {
            search(*result);
            post_back(result);
        });
    } catch (const std::bad_alloc&) {
        std::swap(result->wanted, wanted_);
        throw;
    }
    busy_ = true;
}

/// Flows wait for it: it is not given up.
void NatScan::post_back(const std::shared_ptr<Result>& result) {
    for (;;) {
        try {
            return boost::asio::post(io_, [this, result] { take(*result); });
        } catch (const std::bad_alloc&) {
            std::this_thread::sleep_for(kWithoutMemory);
        }
    }
}

void NatScan::take(const Result& result) {
    next_ = std::chrono::steady_clock::now() + kRest * result.taken;
    busy_ = false;
    done_(result);
    start();
}

}  // namespace finwait::shard
