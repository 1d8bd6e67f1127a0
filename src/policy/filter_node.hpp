// A filter as a tree: what the parser builds and matching walks. Its depth is bounded by Filter::kMaxDepth,
// so that walking it may recurse.
#pragma once

#include "policy/filter.hpp"
#include "policy/network.hpp"

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace finwait::policy {

struct All {
    std::vector<Filter::Node> of;
};
struct Any {
    std::vector<Filter::Node> of;
};
struct Not {
    std::unique_ptr<Filter::Node> of;
};

/// Where a predicate names no side, either side will do.
struct StateIs {
    std::optional<tcp::Role> side;
    tcp::State state;
};
struct AddressIn {
    std::optional<tcp::Role> side;
    Network network;
};
struct PortIs {
    tcp::Role side;
    std::uint16_t port;
};
struct CloserIs {
    tcp::Role side;
};
struct PolicyIs {
    std::string name;
};
struct PhaseIs {
    Phase phase;
};

enum class Quantity : std::uint8_t { idle, age };
enum class Comparison : std::uint8_t { greater, greater_equal, less, less_equal };

struct Compare {
    Quantity quantity;
    Comparison comparison;
    Duration limit;
};

struct Filter::Node {
    std::variant<All, Any, Not, StateIs, AddressIn, PortIs, CloserIs, PolicyIs, PhaseIs, Compare> is;
    bool negated = false;  // of a predicate: it says "ne", and holds where the value is another one
    // Of a predicate: where it stands in the filter's text.
    std::size_t begin = 0;
    std::size_t length = 0;
};

}  // namespace finwait::policy
