// Bytes from a client of the status page, in pieces, by a socket pair into the connection that the daemon
// serves. Whatever comes, the answers are whole responses of HTTP, and the connection comes to its end.
#include "daemon.hpp"
#include "input.hpp"
#include "web/connection.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <string>
#include <string_view>

#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

namespace finwait::fuzz {
namespace {

namespace asio = boost::asio;
using asio::local::stream_protocol;
using boost::system::error_code;

/// The client's end; nothing here waits.
class Client {
  public:
    explicit Client(asio::io_context& io) : socket_(io) {}

    [[nodiscard]] stream_protocol::socket& socket() { return socket_; }
    void send(std::span<const std::uint8_t> bytes) {
        error_code gone;
        asio::write(socket_, asio::buffer(bytes.data(), bytes.size()), gone);
    }
    void send_no_more() {
        error_code gone;
        socket_.shutdown(asio::socket_base::shutdown_send, gone);
    }
    void receive() {
        std::array<char, 65536> chunk;
        error_code error;
        while (!error) {
            const std::size_t count = socket_.read_some(asio::buffer(chunk), error);
            received_.append(chunk.data(), count);
        }
    }
    [[nodiscard]] std::string_view received() const { return received_; }

  private:
    stream_protocol::socket socket_;
    std::string received_;
};

struct Head {
    unsigned status = 0;
    std::size_t length = 0;
};

std::size_t number_after(std::string_view text, std::string_view name) {
    std::size_t number = 0;
    const std::size_t at = text.find(name);
    require(at != text.npos, "a response lacks what each has");
    const std::string_view digits = text.substr(at + name.size());
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    require(error == std::errc{} && end != digits.data(), "a response has a number that is none");
    return number;
}

/// A body may begin with the version, too.
bool begins_response(std::string_view text) {
    return text.starts_with("HTTP/1.1 ") && text.size() > 12 && std::isdigit(text[9]) != 0 &&
           std::isdigit(text[11]) != 0 && text[12] == ' ';
}

/// Takes one response off the front; one without body answers HEAD.
Head take_response(std::string_view& text) {
    constexpr std::string_view kVersion = "HTTP/1.1 ";
    require(text.starts_with(kVersion), "what was answered is no response");
    const std::size_t end = text.find("\r\n\r\n");
    require(end != text.npos, "a response's head has no end");
    const std::string_view head = text.substr(0, end + 2);
    require(head.find("X-Content-Type-Options: nosniff\r\n") != head.npos, "a browser may guess the type");
    const Head told{static_cast<unsigned>(number_after(head, kVersion)),
                    number_after(head, "Content-Length: ")};
    text.remove_prefix(end + 4);
    const bool bare = text.empty() || begins_response(text);
    require(bare || told.length <= text.size(), "a response is cut off");
    if (!bare) text.remove_prefix(told.length);
    return told;
}

void check_responses(std::string_view text) {
    constexpr std::array<unsigned, 7> kStatuses = {200, 400, 404, 405, 421, 431, 503};
    while (!text.empty()) {
        const Head head = take_response(text);
        require(std::ranges::find(kStatuses, head.status) != kStatuses.end(), "a status that is never given");
    }
}

}  // namespace
}  // namespace finwait::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace finwait;
    namespace asio = boost::asio;
    // A client that takes everything at once is served in few turns.
    constexpr int kMostTurns = 10'000;
    fuzz::Input in(data, size);
    const std::size_t piece = in.take<std::uint8_t>() + std::size_t{1};

    fuzz::Daemon daemon;
    const auto site = std::make_shared<web::Site>(daemon.io, daemon.context);
    site->allow(web::Hosts({"gw1"}));
    fuzz::Client client(daemon.io);
    asio::local::stream_protocol::socket served(daemon.io);
    asio::local::connect_pair(client.socket(), served);
    client.socket().non_blocking(true);
    const auto connection = web::Connection::start(web::Connection::Socket(std::move(served)), site, {});

    while (!in.empty()) {
        client.send(in.bytes(piece * 16));
        daemon.io.poll();
        client.receive();
    }
    client.send_no_more();
    int turns = 0;
    for (; !daemon.io.stopped() && turns < kMostTurns; ++turns) {
        daemon.io.poll();
        client.receive();
    }
    fuzz::require(turns < kMostTurns, "a connection does not come to an end");
    client.receive();
    fuzz::check_responses(client.received());
    return 0;
}
