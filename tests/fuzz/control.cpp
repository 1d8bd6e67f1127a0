// Lines on the control socket: requests, each carried out by a small daemon, and replies as finwaitctl reads
// them. Every answer must be lines of JSON that end in "done" or "error".
#include "control/commands.hpp"
#include "control/protocol.hpp"
#include "daemon.hpp"
#include "input.hpp"

#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <nlohmann/json.hpp>

namespace finwait::fuzz {
namespace {

namespace asio = boost::asio;
using control::Error;
using control::Request;

class Client final : public control::Writer {
  public:
    explicit Client(bool root) : root_(root) {}

    asio::awaitable<bool> write(const std::string& text) override {
        text_ += text;
        ++writes_;
        co_return true;
    }
    /// Who follows the events hangs up soon.
    [[nodiscard]] bool gone() const override { return writes_ > 2; }
    void at_stop(std::string line) override {
        require(line.empty() || line.ends_with('\n'), "a farewell whose line does not end");
    }
    [[nodiscard]] control::Requester requester() const override {
        return {root_ ? 0 : 1000, 1, "somebody", {}};
    }
    [[nodiscard]] control::Requester credentials() const override { return requester(); }
    [[nodiscard]] const std::string& text() const { return text_; }

  private:
    bool root_;
    int writes_ = 0;
    std::string text_;
};

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
    }
    return lines;
}

void check_answer(std::string_view text, bool followed) {
    if (text.empty() && followed) return;
    require(text.ends_with('\n'), "an answer whose last line does not end");
    bool ended = false;
    for (const std::string_view line : lines_of(text)) {
        require(!ended, "an answer goes on behind its end");
        const auto json = nlohmann::json::parse(line, nullptr, false);
        require(json.is_object() && json.size() == 1, "a line of an answer is no object with one member");
        const auto reply = control::parse_reply(line);
        require(reply.has_value() && json.contains(reply->key), "a line of an answer cannot be read");
        ended = reply->is_done() || reply->is_error();
    }
    require(ended || followed, "an answer without an end");
}

void check_error(const Error& error) {
    const std::string line = control::error_line(error);
    check_answer(line, false);
    const auto reply = control::parse_reply(std::string_view(line).substr(0, line.size() - 1));
    const Error again = control::parse_error(reply->json);
    require(again.code == error.code && again.column == error.column, "an error reads as another one");
}

void execute(Daemon& daemon, const Request& request, bool root) {
    Client client(root);
    bool done = false;
    asio::co_spawn(daemon.io, control::execute(*daemon.context, request, client),
                   [&done](std::exception_ptr failure, bool) {
                       require(failure == nullptr, "a command threw");
                       done = true;
                   });
    daemon.io.restart();
    daemon.io.run();
    require(done, "a command does not come to an end");
    check_answer(client.text(), request.follow);
}

void take_request(Daemon& daemon, std::string_view line, bool root) {
    const auto parsed = control::parse_request(line);
    if (const auto* error = std::get_if<Error>(&parsed)) return check_error(*error);
    const auto& request = std::get<Request>(parsed);
    const std::string written = control::request_line(request);
    const auto again = control::parse_request(std::string_view(written).substr(0, written.size() - 1));
    const auto* same = std::get_if<Request>(&again);
    require(same != nullptr && *same == request, "a request that was written and read is another one");
    execute(daemon, request, root);
}

void take_reply(std::string_view line) {
    const auto reply = control::parse_reply(line);
    if (!reply) return;
    const bool within = reply->json.data() >= line.data() &&
                        reply->json.data() + reply->json.size() <= line.data() + line.size();
    require(within, "a reply's value lies outside of its line");
    require(!control::parse_error(reply->json).message.empty(), "an error without a message");
}

}  // namespace
}  // namespace finwait::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace finwait::fuzz;
    constexpr std::size_t kMostLines = 8;
    Input in(data, size);
    const bool root = in.flag();
    Daemon daemon;
    std::size_t count = 0;
    for (const std::string_view line : lines_of(in.text())) {
        if (++count > kMostLines) break;
        take_reply(line);
        take_request(daemon, line, root);
    }
    return 0;
}
