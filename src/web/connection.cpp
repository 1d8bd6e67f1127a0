#include "web/connection.hpp"

#include "host/memory_reserve.hpp"

#include <new>
#include <optional>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace finwait::web {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Parser = http::request_parser<http::empty_body>;

constexpr std::size_t kChunk = 4096;

std::string text_of(beast::string_view view) {
    return {view.data(), view.size()};
}

Request request_of(const Parser::value_type& message) {
    Request request;
    request.method = text_of(message.method_string());
    request.target = text_of(message.target());
    request.accept = text_of(message[http::field::accept]);
    request.needs_host = message.version() >= 11;
    const auto host = message.find(http::field::host);
    if (host != message.end()) request.host = text_of(host->value());
    return request;
}

/// What is wrong with a request that could be read, if anything.
bool malformed(const Parser& parser) {
    const bool body = parser.chunked() || parser.content_length().value_or(0) > 0;
    return body || parser.get().count(http::field::host) > 1;
}

template<class Body>
http::response<Body> head_of(const Answer& answer, bool keep_alive) {
    http::response<Body> response{static_cast<http::status>(answer.status), 11};
    response.set(http::field::content_type, answer.type);
    response.set(http::field::cache_control, "no-store");
    response.set("X-Content-Type-Options", "nosniff");
    response.set("Referrer-Policy", "no-referrer");
    response.set("Cross-Origin-Resource-Policy", "same-origin");
    for (const auto& [name, value] : answer.headers)
        response.set(beast::string_view(name.data(), name.size()), value);
    response.content_length(answer.body.size());
    response.keep_alive(keep_alive);
    return response;
}

class HttpConnection final : public Connection, public std::enable_shared_from_this<HttpConnection> {
  public:
    HttpConnection(Socket socket, std::shared_ptr<Site> site, const HttpLimits& limits)
        : stream_(std::move(socket)), site_(std::move(site)), limits_(limits) {}

    [[nodiscard]] bool idle() const override { return idle_; }
    void close() override { stream_.close(); }

    void start() {
        asio::co_spawn(stream_.get_executor(), serve(), [self = shared_from_this()](std::exception_ptr) {});
    }

  private:
    asio::awaitable<void> serve() {
        bool go_on = true;
        while (go_on) {
            idle_ = true;
            Parser parser;
            parser.header_limit(limits_.header_bytes);
            const error_code error = co_await read(parser);
            idle_ = false;
            if (error)
                go_on = co_await complain(error);
            else
                go_on = co_await answer(parser);
        }
        error_code ignored;
        stream_.socket().shutdown(asio::socket_base::shutdown_both, ignored);
        stream_.close();
    }

    /// A request's time runs from its first byte, however slowly the others trickle in.
    asio::awaitable<error_code> read(Parser& parser) {
        error_code error;
        if (buffer_.size() == 0) {
            stream_.expires_after(limits_.idle_timeout);
            const std::size_t count = co_await stream_.async_read_some(
                buffer_.prepare(kChunk), asio::redirect_error(asio::use_awaitable, error));
            if (error) co_return error;
            buffer_.commit(count);
        }
        stream_.expires_after(limits_.header_timeout);
        co_await http::async_read_header(stream_, buffer_, parser,
                                         asio::redirect_error(asio::use_awaitable, error));
        co_return error;
    }

    /// Nonsense is answered and ends the connection; who is gone, or too slow, is not answered.
    asio::awaitable<bool> complain(error_code error) {
        const bool nonsense = error.category() == make_error_code(http::error::end_of_stream).category() &&
                              error != http::error::end_of_stream && error != http::error::partial_message;
        if (!nonsense) co_return false;
        Answer answer{400, "text/plain; charset=utf-8",
                      "This is no HTTP request that could be understood.\n"};
        if (error == http::error::header_limit || error == http::error::buffer_overflow) {
            answer.status = 431;
            answer.body = "The request's head is too large.\n";
        }
        co_await write(answer, false, false);
        co_return false;
    }

    asio::awaitable<bool> answer(const Parser& parser) {
        if (malformed(parser)) {
            const Answer refused{400, "text/plain; charset=utf-8",
                                 "A request here has one Host and no body.\n"};
            co_await write(refused, false, false);
            co_return false;
        }
        Request request = request_of(parser.get());
        const bool only_head = request.method == "HEAD";
        const bool keep_alive = parser.get().keep_alive();
        const Answer answered = co_await answer_surely(std::move(request));
        const bool taken = co_await write(answered, only_head, keep_alive);
        co_return taken&& keep_alive;
    }

    asio::awaitable<Answer> answer_surely(Request request) {
        Answer answered{503, "text/plain; charset=utf-8",
                        "finwaitd has not enough memory for this answer; try again later.\n"};
        try {
            answered = co_await site_->answer(std::move(request));
        } catch (const std::bad_alloc&) {
            host::note_no_memory();
        }
        co_return answered;
    }

    asio::awaitable<bool> write(const Answer& answer, bool only_head, bool keep_alive) {
        stream_.expires_after(limits_.write_timeout);
        error_code error;
        if (only_head) {
            auto response = head_of<http::empty_body>(answer, keep_alive);
            co_await http::async_write(stream_, response, asio::redirect_error(asio::use_awaitable, error));
        } else {
            auto response = head_of<http::string_body>(answer, keep_alive);
            response.body() = answer.body;
            co_await http::async_write(stream_, response, asio::redirect_error(asio::use_awaitable, error));
        }
        co_return !error;
    }

    beast::basic_stream<asio::generic::stream_protocol> stream_;
    std::shared_ptr<Site> site_;
    HttpLimits limits_;
    beast::flat_buffer buffer_;
    bool idle_ = true;
};

}  // namespace

std::shared_ptr<Connection> Connection::start(Socket socket, std::shared_ptr<Site> site,
                                              const HttpLimits& limits) {
    auto connection = std::make_shared<HttpConnection>(std::move(socket), std::move(site), limits);
    connection->start();
    return connection;
}

}  // namespace finwait::web
