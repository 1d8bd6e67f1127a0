#include "control/selection.hpp"

#include "policy/words.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

namespace finwait::control {
namespace {

std::variant<Selection, Error> named(const Context& context, const std::vector<std::string>& texts) {
    auto ids = parse_ids(texts);
    if (auto* error = std::get_if<Error>(&ids)) return std::move(*error);
    Selection selection;
    selection.ids = std::get<std::vector<engine::FlowId>>(std::move(ids));
    selection.visit = [ids = selection.ids, count = context.options.batch_slots](
                          const shard::Handle& shard, Instant now, std::uint32_t cursor) {
        return Batch::find_all(*shard.engine, now, cursor, count, ids);
    };
    return selection;
}

std::vector<std::string> names_by(const std::function<std::vector<std::string>()>& hook) {
    return hook ? hook() : std::vector<std::string>();
}

bool holds(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

/// That a filter asks for a policy that there is not: it would match nothing, and look as if there was
/// nothing.
std::optional<Error> unknown_policy(const Context& context, const policy::Filter& filter,
                                    policy::Purpose purpose) {
    const std::vector<policy::NamedPolicy> wanted = filter.named_policies();
    if (wanted.empty() || !context.hooks.policies) return std::nullopt;
    const std::vector<std::string> names = names_by(context.hooks.policies);
    const std::vector<std::string> past = purpose == policy::Purpose::event
                                              ? names_by(context.hooks.past_policies)
                                              : std::vector<std::string>();
    for (const policy::NamedPolicy& named : wanted) {
        if (holds(names, named.name) || holds(past, named.name)) continue;
        return no_such_policy(named.name, names, named.column);
    }
    return std::nullopt;
}

}  // namespace

Error no_such_policy(const std::string& name, const std::vector<std::string>& there, std::size_t column) {
    const std::vector<std::string_view> known(there.begin(), there.end());
    return {ErrorCode::filter,
            "there is no policy " + policy::in_quotes(name) + "; there are: " + policy::listed(known) +
                policy::suggestion(name, known),
            column};
}

std::variant<engine::FlowId, Error> parse_id(const std::string& text) {
    const std::optional<engine::FlowId> id = engine::FlowId::parse(text);
    if (id) return *id;
    return Error{ErrorCode::filter, "\"" + text + "\" is no flow's id; they look like 3f2a-17", 0};
}

std::variant<std::vector<engine::FlowId>, Error> parse_ids(const std::vector<std::string>& texts) {
    std::vector<engine::FlowId> ids;
    for (const std::string& text : texts) {
        auto id = parse_id(text);
        if (auto* error = std::get_if<Error>(&id)) return std::move(*error);
        ids.push_back(std::get<engine::FlowId>(id));
    }
    return ids;
}

std::variant<policy::Filter, Error> parse_filter(const Context& context, const std::string& text,
                                                 policy::Purpose purpose) {
    std::variant<policy::Filter, policy::FilterError> parsed = policy::Filter::parse(text, purpose);
    if (const auto* wrong = std::get_if<policy::FilterError>(&parsed))
        return Error{ErrorCode::filter, wrong->message, wrong->column};
    auto& filter = std::get<policy::Filter>(parsed);
    if (auto unknown = unknown_policy(context, filter, purpose)) return std::move(*unknown);
    return std::move(filter);
}

std::variant<Selection, Error> select(const Context& context, const Request& request) {
    if (!request.ids.empty()) return named(context, request.ids);
    std::variant<policy::Filter, Error> parsed =
        parse_filter(context, request.filter, policy::Purpose::query);
    if (auto* wrong = std::get_if<Error>(&parsed)) return std::move(*wrong);
    Selection selection;
    selection.visit = [filter = std::get<policy::Filter>(std::move(parsed)),
                       slots = context.options.batch_slots](const shard::Handle& shard, Instant now,
                                                            std::uint32_t cursor) {
        return Batch::visit(*shard.engine, now, cursor, slots, filter);
    };
    return selection;
}

}  // namespace finwait::control
