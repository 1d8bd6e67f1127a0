#include "control/event_commands.hpp"

#include "control/answer.hpp"
#include "control/event_merge.hpp"
#include "control/selection.hpp"
#include "observe/event_kinds.hpp"
#include "policy/filter.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace finwait::control {
namespace {

namespace asio = boost::asio;
using observe::Excerpt;

constexpr std::size_t kAtOnce = 64;  // a shard copies so many between two bursts of packets
constexpr std::size_t kPiece = 16U << 10U;

/// Which events somebody wants.
struct Wanted {
    std::vector<std::string> types;  // empty: all
    policy::Filter filter;
    std::vector<engine::FlowId> ids;  // empty: all events, also those that concern no flow

    [[nodiscard]] bool has(const observe::Told& told) const {
        const auto named = [&told](const std::string& type) { return type == observe::type_of(told); };
        if (!types.empty() && std::ranges::none_of(types, named)) return false;
        if (!ids.empty()) return is_about(observe::flow_of(told));
        if (filter.matches_everything()) return true;
        const auto* flow = std::get_if<observe::FlowEvent>(&told.what);
        return flow != nullptr && filter.matches(subject_of(*flow));
    }

    [[nodiscard]] bool is_about(std::optional<engine::FlowId> flow) const {
        return flow && std::ranges::find(ids, *flow) != ids.end();
    }

    /// The flow as it was at that moment.
    static policy::Subject subject_of(const observe::FlowEvent& told) {
        const engine::Event& e = told.event;
        policy::Subject subject;
        subject.client = e.client;
        subject.server = e.server;
        subject.client_state = e.states[tcp::index(tcp::Role::client)];
        subject.server_state = e.states[tcp::index(tcp::Role::server)];
        subject.closer = e.closer;
        subject.age = e.age;
        subject.idle = e.idle;
        subject.policy = told.policy;
        return subject;
    }
};

std::variant<Wanted, Error> wanted(const Context& context, const Request& request) {
    for (const std::string& type : request.types) {
        const auto& all = observe::event_types();
        if (std::ranges::find(all, type) != all.end()) continue;
        std::string message = "there are no events of type \"" + type + "\"; there are";
        for (std::size_t i = 0; i < all.size(); ++i)
            message.append(i == 0 ? " " : ", ").append(all[i]);
        return Error{ErrorCode::filter, std::move(message), 0};
    }
    auto ids = parse_ids(request.ids);
    if (auto* wrong = std::get_if<Error>(&ids)) return std::move(*wrong);
    auto filter = parse_filter(context, request.filter, policy::Purpose::event);
    if (auto* wrong = std::get_if<Error>(&filter)) return std::move(*wrong);
    return Wanted{request.types, std::get<policy::Filter>(std::move(filter)),
                  std::get<std::vector<engine::FlowId>>(std::move(ids))};
}

/// One more follower, for as long as it lives.
class Following {
  public:
    explicit Following(std::shared_ptr<std::size_t> count) : count_(std::move(count)) { ++*count_; }
    Following(const Following&) = delete;
    Following& operator=(const Following&) = delete;
    ~Following() { --*count_; }

  private:
    std::shared_ptr<std::size_t> count_;
};

/// One answer: the shards' feeds, and behind them the control thread's own.
class Telling {
  public:
    Telling(const Context& context, Wanted wanted, Writer& writer)
        : context_(context),
          wanted_(std::move(wanted)),
          writer_(writer),
          merge_(context.shards.size() + 1),
          own_(context.shards.size()) {}

    /// What lies in the feeds now is left out.
    asio::awaitable<Walk> skip() {
        for (std::size_t i = 0; i < own_; ++i) {
            Question<std::uint64_t> question = [feed = context_.shards[i].feed](engine::Engine&, Instant) {
                return feed != nullptr ? feed->end() : 0;
            };
            const auto end = co_await ask<std::uint64_t>(context_.shards[i], std::move(question),
                                                         context_.options.shard_timeout);
            if (!end) {
                const bool alive = co_await fail(writer_, silent_shard(i));
                co_return alive ? Walk::failed : Walk::gone;
            }
            merge_.start_at(i, *end);
        }
        if (context_.hooks.feed != nullptr) merge_.start_at(own_, context_.hooks.feed->end());
        co_return Walk::complete;
    }

    /// Everything that has happened until now and was not told yet.
    asio::awaitable<Walk> round() {
        const Instant until = context_.shards.front().now();
        merge_.begin_round();
        for (;;) {
            while (const auto source = merge_.wants()) {
                const bool read = co_await read_from(*source, until);
                if (read) continue;
                const bool alive = co_await fail(writer_, silent_shard(*source));
                co_return alive ? Walk::failed : Walk::gone;
            }
            const observe::Told* told = merge_.next();
            add(told);
            if (told != nullptr && text_.size() < kPiece) continue;
            const bool alive = co_await writer_.write(text_);
            text_.clear();
            if (!alive) co_return Walk::gone;
            if (told == nullptr) co_return Walk::complete;
        }
    }

  private:
    asio::awaitable<bool> read_from(std::size_t source, Instant until) {
        const std::uint64_t from = merge_.cursor(source);
        if (source == own_) {
            const observe::Feed* feed = context_.hooks.feed;
            merge_.put(source, feed != nullptr ? feed->read(from, until, kAtOnce) : Excerpt{});
            co_return true;
        }
        const shard::Handle& shard = context_.shards[source];
        Question<Excerpt> question = [feed = shard.feed, from, until](engine::Engine&, Instant) {
            return feed != nullptr ? feed->read(from, until, kAtOnce) : Excerpt{};
        };
        std::optional<Excerpt> excerpt =
            co_await ask<Excerpt>(shard, std::move(question), context_.options.shard_timeout);
        if (!excerpt) co_return false;
        merge_.put(source, std::move(*excerpt));
        co_return true;
    }

    /// The line of an event that is wanted, and before it how many are missing.
    void add(const observe::Told* told) {
        if (const std::uint64_t missed = merge_.take_missed(); missed > 0)
            text_ += data_line("event", observe::missed_line(observe::WallClock::now(), missed));
        if (told != nullptr && wanted_.has(*told)) text_ += data_line("event", observe::line_of(*told));
    }

    const Context& context_;
    Wanted wanted_;
    Writer& writer_;
    EventMerge merge_;
    std::size_t own_;
    std::string text_;
};

asio::awaitable<Walk> follow(const Context& context, Telling& telling, Writer& writer) {
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    asio::steady_timer pause(executor);
    for (;;) {
        pause.expires_after(context.options.event_interval);
        boost::system::error_code ignored;
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        if (writer.gone()) co_return Walk::gone;
        const Walk end = co_await telling.round();
        if (end != Walk::complete) co_return end;
    }
}

asio::awaitable<Walk> tell(const Context& context, const Request& request, Telling& telling, Writer& writer) {
    Walk end = Walk::complete;
    if (request.fresh) end = co_await telling.skip();
    if (end == Walk::complete) end = co_await telling.round();
    if (end != Walk::complete || !request.follow) co_return end;
    const Following one_more(context.followers);
    writer.at_stop(done_line(R"({"stopped":true})"));
    end = co_await follow(context, telling, writer);
    writer.at_stop({});
    co_return end;
}

Error too_many(std::size_t followers) {
    return {ErrorCode::busy,
            "there are " + std::to_string(followers) + " who follow the events already; try again later", 0};
}

/// The last ones are for those who may change something.
std::size_t places_for(const Context& context, const Writer& writer) {
    const Options& limits = context.options;
    if (context.access.may_change(writer.credentials())) return limits.max_followers;
    return limits.max_followers - std::min(limits.reserved_followers, limits.max_followers);
}

}  // namespace

asio::awaitable<bool> execute_on_events(const Context& context, const Request& request, Writer& writer) {
    std::variant<Wanted, Error> what = wanted(context, request);
    if (request.follow && *context.followers >= places_for(context, writer))
        what = too_many(*context.followers);
    if (const auto* error = std::get_if<Error>(&what)) {
        const bool alive = co_await fail(writer, *error);
        co_return alive;
    }
    Telling telling(context, std::get<Wanted>(std::move(what)), writer);
    const Walk end = co_await tell(context, request, telling, writer);
    if (end != Walk::complete) co_return end == Walk::failed;
    const bool alive = co_await send(writer, done_line());
    co_return alive;
}

}  // namespace finwait::control
