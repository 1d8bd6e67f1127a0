// The control server: accepts clients on the control socket and serves them all on the thread that runs its
// io_context. The packets' threads are only ever asked for bounded batches, through shard::Handle.
//
// Order at the end: stop() on the control thread, then join the threads. The io_context must outlive the
// shards' threads, which post their answers to it.
#pragma once

#include "control/context.hpp"
#include "control/socket_file.hpp"

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace finwait::control {

class Server {
  public:
    using Opened = std::variant<std::unique_ptr<Server>, std::string>;

    /// Where to listen, for which group, and which other one may also change something.
    struct Place {
        std::string path;
        std::string group;
        std::string admin_group;
    };

    /// Listens at `place`; served as soon as `io` runs. Otherwise what failed and what to do. `notes` gets
    /// what operators should know although it works. `shards[i]` must be the shard with the number i.
    [[nodiscard]] static Opened open(boost::asio::io_context& io, const Place& place,
                                     std::vector<shard::Handle> shards, Hooks hooks,
                                     std::vector<std::string>& notes, Options options = {});
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();

    /// Looks both groups up again, for they may have been created meanwhile. `notes` gets which one is still
    /// missing. On the control thread.
    void look_up_groups(std::vector<std::string>& notes);

    /// Ends all connections and removes the socket; no hook is called any more. On the control thread, or
    /// while it does not run.
    void stop();

  private:
    class Impl;
    explicit Server(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace finwait::control
