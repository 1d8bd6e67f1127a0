#include "control/connection.hpp"

#include "host/memory_reserve.hpp"

#include <cerrno>
#include <new>
#include <sys/socket.h>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace finwait::control {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// Whether a request's answer is as long as there are flows or events; a reload builds all policies again.
bool takes_memory(const Request& request) {
    switch (request.command) {
        case Command::list:
        case Command::count:
        case Command::events:
        case Command::reload: return true;
        default: return false;
    }
}

}  // namespace

Connection::Connection(Socket socket, std::shared_ptr<const Context> context)
    : socket_(std::move(socket)), context_(std::move(context)), deadline_(socket_.get_executor()) {}

void Connection::start(const std::shared_ptr<Connection>& connection) {
    // The completion handler holds the connection until its coroutine has ended.
    asio::co_spawn(connection->socket_.get_executor(), connection->serve(),
                   [connection](std::exception_ptr) {});
}

void Connection::close() {
    error_code ignored;
    socket_.close(ignored);
    clear_deadline();
}

void Connection::stop() {
    say_at_end(at_stop_);
    close();
}

void Connection::give_way() {
    say_at_end(
        error_line({ErrorCode::busy, "this connection was idle, and another client needed its place", 0}));
    close();
}

void Connection::say_at_end(const std::string& line) {
    if (writing_ || line.empty() || !socket_.is_open()) return;
    static_cast<void>(::send(socket_.native_handle(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

std::optional<std::chrono::milliseconds> Connection::idle() const {
    if (!idle_since_) return std::nullopt;
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                 *idle_since_);
}

bool Connection::gone() const {
    if (!socket_.is_open()) return true;
    char next = 0;
    const int descriptor = const_cast<Socket&>(socket_).native_handle();  // Asio's is not const
    const ssize_t got = ::recv(descriptor, &next, 1, MSG_PEEK | MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

Requester Connection::requester() const {
    return peer_of(const_cast<Socket&>(socket_).native_handle());  // Asio's is not const
}

Requester Connection::credentials() const {
    return credentials_of(const_cast<Socket&>(socket_).native_handle());  // Asio's is not const
}

asio::awaitable<void> Connection::serve() {
    for (;;) {
        const Read read = co_await read_line();
        bool go_on = false;
        if (read == Read::line) {
            go_on = co_await answer();
        } else if (read == Read::too_long) {
            Error error{ErrorCode::command, {}, 0};
            error.message = "a request is at most " + std::to_string(context_->options.max_request) +
                            " bytes long: name fewer flows at a time, or use a filter";
            co_await complain(std::move(error));
        } else if (read == Read::too_slow) {
            Error error{ErrorCode::timeout, "no complete request in time", 0};
            co_await complain(std::move(error));
        }
        if (!go_on) break;
    }
    close();
}

asio::awaitable<bool> Connection::answer() {
    std::variant<Request, Error> parsed = parse_request(line_);
    if (auto* request = std::get_if<Request>(&parsed)) {
        const Request wanted = std::move(*request);
        const bool alive = co_await carry_out(wanted);
        co_return alive;
    }
    Error error = std::get<Error>(std::move(parsed));
    const bool nonsense = error.code == ErrorCode::command;
    if (nonsense) ++bad_requests_;
    const bool enough = bad_requests_ >= context_->options.max_bad_requests;
    const bool alive = co_await complain(std::move(error));
    co_return alive && !enough;
}

/// What takes more than a little memory is not begun where there is hardly any: it is for packets.
asio::awaitable<bool> Connection::carry_out(const Request& wanted) {
    bool refused = takes_memory(wanted) && host::memory_is_short();
    bool alive = false;
    try {
        if (!refused) alive = co_await execute(*context_, wanted, *this);
    } catch (const std::bad_alloc&) {
        refused = true;
    }
    if (refused) {
        host::note_no_memory();
        alive = co_await write(context_->without_memory);
    }
    co_return alive;
}

asio::awaitable<bool> Connection::complain(Error error) {
    const std::string line = error_line(error);
    const bool alive = co_await write(line);
    co_return alive;
}

bool Connection::take_line() {
    const std::size_t end = received_.find('\n');
    if (end == std::string::npos) return false;
    line_.assign(received_, 0, end);
    received_.erase(0, end + 1);
    return true;
}

asio::awaitable<Connection::Read> Connection::read_line() {
    const Options& options = context_->options;
    bool begun = false;  // a line's time runs from its first byte, however slowly the others trickle in
    set_deadline(options.idle_timeout);
    idle_since_ = std::chrono::steady_clock::now();
    while (!take_line()) {
        if (received_.size() > options.max_request) {
            clear_deadline();
            co_return Read::too_long;
        }
        if (!begun && !received_.empty()) {
            begun = true;
            idle_since_.reset();
            set_deadline(options.request_timeout);
        }
        error_code error;
        const std::size_t count = co_await socket_.async_read_some(
            asio::buffer(chunk_), asio::redirect_error(asio::use_awaitable, error));
        if (error) {
            clear_deadline();
            co_return too_slow_ ? Read::too_slow : Read::closed;
        }
        received_.append(chunk_.data(), count);
    }
    clear_deadline();
    idle_since_.reset();
    co_return line_.size() > options.max_request ? Read::too_long : Read::line;
}

asio::awaitable<bool> Connection::write(const std::string& text) {
    too_slow_ = false;
    writing_ = true;  // for good, should it fail half-way
    std::size_t done = 0;
    while (done < text.size()) {
        set_deadline(context_->options.write_timeout);
        error_code error;
        const auto rest = asio::buffer(text.data() + done, text.size() - done);
        const std::size_t count =
            co_await socket_.async_write_some(rest, asio::redirect_error(asio::use_awaitable, error));
        clear_deadline();
        if (error) co_return false;
        done += count;
    }
    writing_ = false;
    co_return true;
}

void Connection::set_deadline(std::chrono::milliseconds limit) {
    deadline_.expires_after(limit);
    deadline_.async_wait([weak = weak_from_this()](error_code error) {
        const auto self = weak.lock();
        if (error || !self) return;
        // It may have been set anew after this handler was queued.
        if (self->deadline_.expiry() > asio::steady_timer::clock_type::now()) return;
        self->too_slow_ = true;
        error_code ignored;
        self->socket_.cancel(ignored);
    });
}

void Connection::clear_deadline() {
    deadline_.expires_at(asio::steady_timer::time_point::max());
}

}  // namespace finwait::control
