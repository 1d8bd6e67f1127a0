#include "control/count_command.hpp"

#include "control/answer.hpp"

#include <fmt/format.h>
#include <iterator>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace finwait::control {
namespace {

namespace asio = boost::asio;

/// The value of a group as JSON text.
using Value = std::string (*)(const policy::Subject&);

std::string states(const policy::Subject& subject) {
    return fmt::format(R"("{}/{}")", tcp::name(subject.client_state), tcp::name(subject.server_state));
}
std::string policy_name(const policy::Subject& subject) {
    return control::json_string(subject.policy);
}
std::string client(const policy::Subject& subject) {
    return '"' + subject.client.address.text() + '"';
}
std::string server(const policy::Subject& subject) {
    return '"' + subject.server.address.text() + '"';
}
std::string port(const policy::Subject& subject) {
    return fmt::to_string(subject.server.port);
}

Value value_by(std::string_view by) {
    constexpr std::array<Value, kGroupings.size()> values = {&states, &policy_name, &client, &server, &port};
    for (std::size_t i = 0; i < values.size(); ++i)
        if (kGroupings[i] == by) return values[i];
    return nullptr;
}

/// What has been counted so far. Whoever makes up addresses decides how many groups there are, hence the
/// limit.
struct Sums {
    Value value = nullptr;  // empty: no groups
    std::size_t limit = kMaxGroups;
    std::size_t flows = 0;
    std::size_t others = 0;
    std::unordered_map<std::string, std::size_t> groups;

    void add(const policy::Subject& subject) {
        ++flows;
        if (value == nullptr) return;
        const std::string key = value(subject);
        if (const auto found = groups.find(key); found != groups.end())
            ++found->second;
        else if (groups.size() < limit)
            groups.emplace(key, 1);
        else
            ++others;
    }
};

void append_group(std::string& text, const std::string& by, std::string_view value, std::size_t flows) {
    text += data_line("group", fmt::format(R"({{"{}":{},"count":{}}})", by, value, flows));
}

asio::awaitable<bool> send_groups(const Sums& sums, const std::string& by, Writer& writer) {
    constexpr std::size_t piece = 64U << 10U;
    std::string text;
    for (const auto& [value, flows] : sums.groups) {
        append_group(text, by, value, flows);
        if (text.size() < piece) continue;
        const bool alive = co_await writer.write(text);
        if (!alive) co_return false;
        text.clear();
    }
    if (sums.others > 0) append_group(text, by, "null", sums.others);
    const bool alive = co_await writer.write(text);
    co_return alive;
}

}  // namespace

asio::awaitable<bool> count(const Context& context, const Selection& selection, const std::string& by,
                            Writer& writer) {
    Sums sums;
    sums.value = value_by(by);
    sums.limit = context.options.max_groups;
    Step<Batch> step;
    step.visit = selection.visit;
    step.take = [&sums](const Batch& batch, std::string&) {
        for (const engine::FlowReport& flow : batch.flows())
            sums.add(flow.subject);
    };
    const Walk end = co_await walk<Batch>(context, writer, step);
    if (end != Walk::complete) co_return end == Walk::failed;
    bool alive = co_await send_groups(sums, by, writer);
    if (!alive) co_return false;
    const std::string sum = fmt::format(R"({{"count":{}}})", sums.flows);
    alive = co_await send(writer, done_line(sum));
    co_return alive;
}

}  // namespace finwait::control
