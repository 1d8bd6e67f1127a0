#include "web/site.hpp"

#include "control/gather.hpp"
#include "host/memory_reserve.hpp"
#include "web/listing.hpp"
#include "web/page.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <fmt/format.h>
#include <new>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace finwait::web {
namespace {

namespace asio = boost::asio;
using std::chrono::steady_clock;

/// Whoever asks more often gets what others were told a moment ago.
constexpr auto kFresh = std::chrono::milliseconds(200);
/// Searches through all flows that may be under way at the same time.
constexpr int kMostListings = 2;
constexpr std::string_view kJson = "application/json; charset=utf-8";

/// Counts for as long as it lives, however its coroutine ends.
class Counted {
  public:
    explicit Counted(int& count) : count_(count) { ++count_; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() { --count_; }

  private:
    int& count_;
};

Answer plain(unsigned status, std::string text) {
    return {status, "text/plain; charset=utf-8", std::move(text) + "\n"};
}

Answer json(std::string body) {
    return {200, std::string(kJson), std::move(body)};
}

/// As on the control socket: {"error":{"code":…,"message":…,"column":…}}
Answer failure(const control::Error& error) {
    const bool client = error.code == control::ErrorCode::filter;
    return {client ? 400U : 503U, std::string(kJson), control::error_line(error)};
}

/// Only our own style and script, from within the page, and only our own numbers.
Answer page() {
    Answer answer{200, "text/html; charset=utf-8", std::string(kPage)};
    answer.headers.emplace_back(
        "Content-Security-Policy",
        fmt::format("default-src 'none'; style-src {}; script-src {}; connect-src 'self'; img-src data:; "
                    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
                    kStyleHash, kScriptHash));
    return answer;
}

std::string status_json(const Facts& facts, const History& history) {
    std::string out = R"({"stats":)" + control::stats_json(facts.totals) + R"(,"policies":[)";
    for (const control::PolicyRow& row : facts.policies) {
        if (out.back() != '[') out += ',';
        out += control::policy_json(row.policy, row.counts);
    }
    return out + R"(],"history":)" + history.json(facts.totals.counters) + '}';
}

bool knows(std::string_view path) {
    constexpr std::array<std::string_view, 4> kPaths = {"/", "/metrics", "/api/status.json",
                                                        "/api/flows.json"};
    return std::ranges::find(kPaths, path) != kPaths.end();
}

}  // namespace

Site::Site(asio::io_context& io, std::shared_ptr<control::Context> context)
    : timer_(io), context_(std::move(context)) {}

void Site::start() {
    if (std::exchange(running_, true)) return;
    asio::co_spawn(timer_.get_executor(), remember(), [self = shared_from_this()](std::exception_ptr) {});
}

void Site::stop() {
    running_ = false;
    timer_.cancel();
}

/// A step in which a shard did not answer, or for which there was no memory, is left out.
asio::awaitable<void> Site::remember() {
    auto next = steady_clock::now();
    while (running_) {
        try {
            const Gathered gathered = co_await gather();
            if (const auto* facts = std::get_if<Facts>(&gathered)) history_.add(facts->totals.counters);
        } catch (const std::bad_alloc&) {
            host::note_no_memory();
        } catch (const std::exception&) {  // the next step is tried all the same
        }
        next += History::kStep;
        timer_.expires_at(next);
        boost::system::error_code stopped;
        co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, stopped));
    }
}

asio::awaitable<Site::Gathered> Site::gather() {
    if (facts_ && steady_clock::now() - gathered_ < kFresh) co_return *facts_;
    std::variant<control::Totals, control::Error> totals = co_await control::gather_totals(*context_);
    if (auto* error = std::get_if<control::Error>(&totals)) co_return std::move(*error);
    std::string nothing;
    std::variant<control::PolicyAnswer, control::Error> policies =
        co_await control::gather_policies(*context_, std::move(nothing));
    if (auto* error = std::get_if<control::Error>(&policies)) co_return std::move(*error);
    Facts facts{std::get<control::Totals>(std::move(totals)),
                std::get<control::PolicyAnswer>(std::move(policies)).rows, look_at_process()};
    facts_ = facts;
    gathered_ = steady_clock::now();
    co_return facts;
}

std::optional<Answer> Site::refusal(const Request& request, const std::optional<Target>& target) const {
    if (!target) return plain(400, "This is no path that could be understood.");
    if (request.needs_host && !request.host) return plain(400, "HTTP/1.1 wants a Host header.");
    if (hosts_ && request.host && !hosts_->allow(*request.host))
        return plain(
            421,
            "finwaitd is not known by this name. Ask by an address or by the name of its machine, or add the "
            "name to metrics.names in finwaitd.toml.");
    if (!knows(target->path))
        return plain(404, "There are /, /metrics, /api/status.json and /api/flows.json.");
    if (request.method != "GET" && request.method != "HEAD") {
        Answer answer = plain(405, "This is to be read only, by GET or HEAD.");
        answer.headers.emplace_back("Allow", "GET, HEAD");
        return answer;
    }
    const bool filters = target->path == "/api/flows.json";
    for (const auto& [key, value] : target->query)
        if (!filters || key != "filter") return plain(400, "\"" + key + "\" means nothing here.");
    return std::nullopt;
}

asio::awaitable<Answer> Site::answer(Request request) {
    const std::optional<Target> target = parse_target(request.target);
    std::optional<Answer> refused = refusal(request, target);
    if (refused) co_return std::move(*refused);
    if (target->path == "/") co_return page();
    Answer answer;
    if (target->path == "/metrics") {
        answer = co_await metrics_text(request.accept);
    } else if (target->path == "/api/status.json") {
        answer = co_await status();
    } else {
        const auto filter = target->query.find("filter");
        std::string text = filter == target->query.end() ? std::string() : filter->second;
        answer = co_await flows(std::move(text));
    }
    co_return answer;
}

asio::awaitable<Answer> Site::metrics_text(std::string accept) {
    const Gathered gathered = co_await gather();
    if (const auto* error = std::get_if<control::Error>(&gathered)) co_return plain(503, error->message);
    const Format format = choose_format(accept);
    Answer answer{200, std::string(content_type(format)), expose(std::get<Facts>(gathered), format)};
    answer.headers.emplace_back("Vary", "Accept");
    co_return answer;
}

asio::awaitable<Answer> Site::status() {
    const Gathered gathered = co_await gather();
    if (const auto* error = std::get_if<control::Error>(&gathered)) co_return failure(*error);
    co_return json(status_json(std::get<Facts>(gathered), history_));
}

asio::awaitable<Answer> Site::flows(std::string filter) {
    if (listings_ >= kMostListings) {
        Answer busy = failure({control::ErrorCode::busy, "others are searching; try again in a moment", 0});
        busy.headers.emplace_back("Retry-After", "1");
        co_return busy;
    }
    const Counted under_way(listings_);
    const ListingLimits limits;
    std::variant<std::string, control::Error> listed =
        co_await list_half_closed(*context_, std::move(filter), limits);
    if (const auto* error = std::get_if<control::Error>(&listed)) co_return failure(*error);
    co_return json(std::get<std::string>(std::move(listed)));
}

}  // namespace finwait::web
