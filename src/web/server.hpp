// Serves the status page and the metrics on one socket, on the thread that runs its io_context. The packets'
// threads are only ever asked for bounded batches, through shard::Handle.
//
// Order at the end: stop() on the control thread, then join the threads. The io_context must outlive the
// shards' threads, which post their answers to it.
#pragma once

#include "control/context.hpp"
#include "web/connection.hpp"
#include "web/listener.hpp"
#include "web/site.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace finwait::web {

class Server {
  public:
    Server(boost::asio::io_context& io, std::shared_ptr<control::Context> context, HttpLimits limits = {});
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Serves there from now on, and nowhere else; nowhere when it is empty. When that fails, what failed and
    /// what to do: then all stays as it was. `names` are this machine's besides its host name; `group` may
    /// use a Unix socket. `notes` gets what operators should know although it works.
    [[nodiscard]] std::optional<std::string> listen(const std::optional<Place>& place,
                                                    std::vector<std::string> names, const std::string& group,
                                                    std::vector<std::string>& notes);
    /// Looks `group` up again and gives a Unix socket to it; `notes` gets why that cannot be.
    void give_to(const std::string& group, std::vector<std::string>& notes);
    /// Where it serves; empty: nowhere.
    [[nodiscard]] const std::optional<Place>& place() const { return place_; }

    /// Ends all connections; no shard and no hook is asked any more. On the control thread, or while it does
    /// not run.
    void stop();

  private:
    class Door;
    [[nodiscard]] std::optional<std::string> move_to(const Place& place, const std::string& group,
                                                     std::vector<std::string>& notes);
    void open_door(Listener listener);
    void close_door();

    boost::asio::io_context& io_;
    std::shared_ptr<control::Context> context_;
    HttpLimits limits_;
    std::shared_ptr<Site> site_;
    std::shared_ptr<Door> door_;
    std::optional<Place> place_;
};

}  // namespace finwait::web
