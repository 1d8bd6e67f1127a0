#include "web/listing.hpp"

#include "control/ask.hpp"
#include "control/batch.hpp"
#include "control/best.hpp"
#include "control/encode.hpp"
#include "control/gather.hpp"
#include "control/selection.hpp"

#include <fmt/format.h>
#include <utility>

namespace finwait::web {
namespace {

namespace asio = boost::asio;
using control::Batch;
using control::Error;

constexpr std::string_view kHalfClosed = "(closer client or closer server)";

bool blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n") == text.npos;
}

/// The column of an error must be that of what was typed: so that alone is read first.
std::variant<control::Selection, Error> select(const control::Context& context, const std::string& filter) {
    control::Request request;
    request.filter = filter;
    std::variant<control::Selection, Error> typed = control::select(context, request);
    if (std::holds_alternative<Error>(typed)) return typed;
    request.filter = std::string(kHalfClosed);
    if (!blank(filter)) request.filter += " and (" + filter + ")";
    return control::select(context, request);
}

/// The flows that are kept, in their order, and how many there were to choose from.
std::string found_json(control::Best& best, std::size_t most, bool all_seen) {
    std::string json = R"({"flows":[)";
    for (const engine::FlowReport* flow : best.sorted()) {
        if (json.back() != '[') json += ',';
        control::append_flow(json, *flow, control::Detail::brief);
    }
    const bool complete = all_seen && best.offered() <= most;
    return json +
           fmt::format(R"(],"complete":{},"matched":{},"all_seen":{}}})", complete, best.offered(), all_seen);
}

}  // namespace

asio::awaitable<std::variant<std::string, Error>> list_half_closed(const control::Context& context,
                                                                   std::string filter, ListingLimits limits) {
    std::variant<control::Selection, Error> selected = select(context, filter);
    if (auto* error = std::get_if<Error>(&selected)) co_return std::move(*error);
    const control::Selection selection = std::get<control::Selection>(std::move(selected));
    const auto end = std::chrono::steady_clock::now() + limits.time;
    control::Best best("idle", true, limits.flows);
    for (std::size_t i = 0; i < context.shards.size(); ++i) {
        const shard::Handle& shard = context.shards[i];
        std::optional<std::uint32_t> cursor = 0;
        while (cursor) {
            control::Question<Batch> question = [visit = selection.visit, shard, from = *cursor](
                                                    engine::Engine&, Instant now) {
                return visit(shard, now, from);
            };
            std::optional<Batch> batch =
                co_await control::ask<Batch>(shard, std::move(question), context.options.shard_timeout);
            if (!batch) co_return control::silent_shard(i);
            for (const engine::FlowReport& flow : batch->flows())
                best.offer(flow);
            if (std::chrono::steady_clock::now() > end) co_return found_json(best, limits.flows, false);
            cursor = batch->next();
        }
    }
    co_return found_json(best, limits.flows, true);
}

}  // namespace finwait::web
