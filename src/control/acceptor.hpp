// Accepts clients of a listening socket for as long as it is open: those of the control socket and those of
// the status page. It must not know what is said to them.
#pragma once

#include "host/memory_reserve.hpp"

#include <chrono>
#include <new>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace finwait::control {

template<class Protocol>
class Acceptor {
  public:
    using Socket = typename Protocol::socket;

    /// Takes over `descriptor`, which listens already.
    Acceptor(boost::asio::io_context& io, const Protocol& protocol, int descriptor)
        : acceptor_(io, protocol, descriptor), pause_(io) {}

    [[nodiscard]] auto executor() { return acceptor_.get_executor(); }

    /// Hands each client's socket to `welcome`, until close(). It must live on until this has ended.
    template<class Welcome>
    boost::asio::awaitable<void> run(Welcome welcome) {
        namespace asio = boost::asio;
        while (acceptor_.is_open()) {
            Socket socket(acceptor_.get_executor());
            boost::system::error_code error;
            co_await acceptor_.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
            if (!error) {
                welcome_surely(welcome, std::move(socket));
            } else if (acceptor_.is_open()) {
                // Out of descriptors or memory: the client waits in the backlog until some are free again.
                pause_.expires_after(std::chrono::milliseconds(100));
                co_await pause_.async_wait(asio::redirect_error(asio::use_awaitable, error));
            }
        }
    }

    void close() {
        boost::system::error_code ignored;
        acceptor_.close(ignored);
        pause_.cancel();
    }

  private:
    /// A client for whom there is no memory is cut off; the next one may come.
    template<class Welcome>
    static void welcome_surely(Welcome& welcome, Socket socket) {
        try {
            welcome(std::move(socket));
        } catch (const std::bad_alloc&) {
            host::note_no_memory();
        }
    }

    boost::asio::basic_socket_acceptor<Protocol> acceptor_;
    boost::asio::steady_timer pause_;
};

}  // namespace finwait::control
