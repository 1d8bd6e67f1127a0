// How the control plane reaches a shard: by running a function on the shard's own thread, between two bursts
// of packets.
#pragma once

#include "engine/engine.hpp"
#include "shard/load.hpp"
#include "tcp/time.hpp"

#include <functional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace finwait::observe {
class Feed;
}

namespace finwait::shard {

struct Handle {
    boost::asio::io_context* io = nullptr;
    engine::Engine* engine = nullptr;
    /// Runs due work after a change from outside (a kill, a reload); called on the shard's thread.
    std::function<void()> wake;
    /// The clock that the shard tells its engine.
    Instant (*now)() = nullptr;
    /// What its packets cost; to be read on its thread. May be null.
    const Load* load = nullptr;
    /// What has happened in the shard; touched on its thread only, and may be null.
    const observe::Feed* feed = nullptr;

    /// Runs `task(engine, now)` on the shard's thread. Keep it short: no packet is handled meanwhile.
    template<typename Task>
    void ask(Task&& task) const {
        boost::asio::post(*io, [self = *this, task = std::forward<Task>(task)]() mutable {
            task(*self.engine, self.now());
        });
    }
};

}  // namespace finwait::shard
