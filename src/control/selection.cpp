#include "control/selection.hpp"

#include <utility>

namespace finwait::control {
namespace {

std::variant<Selection, Error> named(const Context& context, const std::vector<std::string>& texts) {
    Selection selection;
    for (const std::string& text : texts) {
        auto id = parse_id(text);
        if (auto* error = std::get_if<Error>(&id)) return std::move(*error);
        selection.ids.push_back(std::get<engine::FlowId>(id));
    }
    selection.visit = [ids = selection.ids, count = context.options.batch_slots](
                          const shard::Handle& shard, Instant now, std::uint32_t cursor) {
        return Batch::find_all(*shard.engine, now, cursor, count, ids);
    };
    return selection;
}

}  // namespace

std::variant<engine::FlowId, Error> parse_id(const std::string& text) {
    const std::optional<engine::FlowId> id = engine::FlowId::parse(text);
    if (id) return *id;
    return Error{ErrorCode::filter, "\"" + text + "\" is no flow's id; they look like 3f2a-17", 0};
}

std::variant<Selection, Error> select(const Context& context, const Request& request) {
    if (!request.ids.empty()) return named(context, request.ids);
    std::variant<policy::Filter, policy::FilterError> parsed = policy::Filter::parse(request.filter);
    if (const auto* wrong = std::get_if<policy::FilterError>(&parsed))
        return Error{ErrorCode::filter, wrong->message, wrong->column};
    Selection selection;
    selection.visit = [filter = std::get<policy::Filter>(std::move(parsed)),
                       slots = context.options.batch_slots](const shard::Handle& shard, Instant now,
                                                            std::uint32_t cursor) {
        return Batch::visit(*shard.engine, now, cursor, slots, filter);
    };
    return selection;
}

}  // namespace finwait::control
