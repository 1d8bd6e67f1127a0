// Which flows a request speaks of: those that match its filter, or those that it names.
#pragma once

#include "control/batch.hpp"
#include "control/context.hpp"
#include "control/protocol.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <variant>
#include <vector>

namespace finwait::control {

struct Selection {
    /// On the shard's thread: what lies from the cursor on. Owns all it needs.
    std::function<Batch(const shard::Handle&, Instant, std::uint32_t cursor)> visit;
    std::vector<engine::FlowId> ids;  // when they are named
};

/// The error is one of the filter or of an id.
[[nodiscard]] std::variant<Selection, Error> select(const Context& context, const Request& request);

/// The error is one of the filter: of its grammar, or that it asks for a policy that there is not.
[[nodiscard]] std::variant<policy::Filter, Error> parse_filter(const Context& context,
                                                               const std::string& text,
                                                               policy::Purpose purpose);

/// What is wrong with the name of a policy that is not among those that are `there`. `column`: where the name
/// stands in a filter.
[[nodiscard]] Error no_such_policy(const std::string& name, const std::vector<std::string>& there,
                                   std::size_t column = 0);

/// Ids as texts to values, or why one of them is none.
[[nodiscard]] std::variant<std::vector<engine::FlowId>, Error> parse_ids(
    const std::vector<std::string>& texts);

/// An id as text to one as value, or why it is none.
[[nodiscard]] std::variant<engine::FlowId, Error> parse_id(const std::string& text);

}  // namespace finwait::control
