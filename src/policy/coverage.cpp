#include "policy/coverage.hpp"

#include "policy/filter_node.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

namespace finwait::policy {
namespace {

/// More alternatives of one filter are not compared: a configuration is read while the daemon runs.
constexpr std::size_t kMostCases = 32;

/// A predicate, or that it does not hold.
struct Literal {
    const Filter::Node* node;
    bool holds;
};

/// Literals that hold together; none: always.
using Case = std::vector<Literal>;
/// The filter holds in one of them; empty when there are too many.
using Cases = std::optional<std::vector<Case>>;

Cases cases_of(const Filter::Node& node, bool holds);

/// One of the parts holds.
Cases any_of(const std::vector<Filter::Node>& parts, bool holds) {
    std::vector<Case> out;
    for (const Filter::Node& part : parts) {
        Cases more = cases_of(part, holds);
        if (!more || out.size() + more->size() > kMostCases) return std::nullopt;
        std::move(more->begin(), more->end(), std::back_inserter(out));
    }
    return out;
}

/// All parts hold: a case of each, in every combination.
Cases all_of(const std::vector<Filter::Node>& parts, bool holds) {
    std::vector<Case> out(1);
    for (const Filter::Node& part : parts) {
        const Cases more = cases_of(part, holds);
        if (!more || out.size() * more->size() > kMostCases) return std::nullopt;
        std::vector<Case> combined;
        for (const Case& one : out) {
            for (const Case& other : *more) {
                combined.push_back(one);
                combined.back().insert(combined.back().end(), other.begin(), other.end());
            }
        }
        out = std::move(combined);
    }
    return out;
}

Cases cases_of(const Filter::Node& node, bool holds) {
    if (const auto* all = std::get_if<All>(&node.is))
        return holds ? all_of(all->of, true) : any_of(all->of, false);
    if (const auto* any = std::get_if<Any>(&node.is))
        return holds ? any_of(any->of, true) : all_of(any->of, false);
    if (const auto* negation = std::get_if<Not>(&node.is)) return cases_of(*negation->of, !holds);
    return std::vector<Case>(1, Case{Literal{&node, holds != node.negated}});
}

bool bounds_below(Comparison c) {
    return c == Comparison::greater || c == Comparison::greater_equal;
}
bool includes_limit(Comparison c) {
    return c == Comparison::greater_equal || c == Comparison::less_equal;
}

/// Only a half-closed flow has a closer, which waits in FIN_WAIT_2 for the other side's FIN.
tcp::State state_of(tcp::Role side, const CloserIs& closer) {
    return side == closer.side ? tcp::State::fin_wait_2 : tcp::State::close_wait;
}
bool half_closed(tcp::State state) {
    return state == tcp::State::fin_wait_2 || state == tcp::State::close_wait;
}

/// Whether `b` holds whenever `a` does.
struct Implies {
    bool operator()(const StateIs& a, const StateIs& b) const {
        return a.state == b.state && within(a.side, b.side);
    }
    bool operator()(const AddressIn& a, const AddressIn& b) const {
        return within(a.side, b.side) && b.network.contains(a.network);
    }
    bool operator()(const PortIs& a, const PortIs& b) const { return a.side == b.side && a.port == b.port; }
    bool operator()(const CloserIs& a, const CloserIs& b) const { return a.side == b.side; }
    bool operator()(const CloserIs& a, const StateIs& b) const {
        return b.side ? b.state == state_of(*b.side, a) : half_closed(b.state);
    }
    bool operator()(const PolicyIs& a, const PolicyIs& b) const { return a.name == b.name; }
    bool operator()(const PhaseIs& a, const PhaseIs& b) const { return a.phase == b.phase; }
    bool operator()(const Compare& a, const Compare& b) const {
        const bool below = bounds_below(a.comparison);
        if (a.quantity != b.quantity || below != bounds_below(b.comparison)) return false;
        if (a.limit == b.limit) return includes_limit(b.comparison) || !includes_limit(a.comparison);
        return below ? a.limit > b.limit : a.limit < b.limit;
    }
    template<class A, class B>
    bool operator()(const A&, const B&) const {
        return false;
    }

  private:
    /// What one side does, either side does.
    static bool within(std::optional<tcp::Role> a, std::optional<tcp::Role> b) { return !b || a == b; }
};

/// Whether both cannot hold of one flow at one moment.
struct Excludes {
    bool operator()(const StateIs& a, const StateIs& b) const {
        return a.side && a.side == b.side && a.state != b.state;
    }
    bool operator()(const AddressIn& a, const AddressIn& b) const {
        if (a.network.is_v4() != b.network.is_v4()) return true;  // both ends are of one family
        return a.side && a.side == b.side && !a.network.contains(b.network) && !b.network.contains(a.network);
    }
    bool operator()(const PortIs& a, const PortIs& b) const { return a.side == b.side && a.port != b.port; }
    bool operator()(const CloserIs& a, const CloserIs& b) const { return a.side != b.side; }
    bool operator()(const CloserIs& a, const StateIs& b) const {
        return b.side ? b.state != state_of(*b.side, a) : !half_closed(b.state);
    }
    bool operator()(const StateIs& a, const CloserIs& b) const { return (*this)(b, a); }
    bool operator()(const PolicyIs& a, const PolicyIs& b) const { return a.name != b.name; }
    bool operator()(const PhaseIs& a, const PhaseIs& b) const { return a.phase != b.phase; }
    bool operator()(const Compare& a, const Compare& b) const {
        if (a.quantity != b.quantity || bounds_below(a.comparison) == bounds_below(b.comparison))
            return false;
        const Compare& lower = bounds_below(a.comparison) ? a : b;
        const Compare& upper = bounds_below(a.comparison) ? b : a;
        if (lower.limit != upper.limit) return lower.limit > upper.limit;
        return !includes_limit(lower.comparison) || !includes_limit(upper.comparison);
    }
    template<class A, class B>
    bool operator()(const A&, const B&) const {
        return false;
    }
};

bool implies(const Literal& a, const Literal& b) {
    if (a.holds && b.holds) return std::visit(Implies{}, a.node->is, b.node->is);
    if (!a.holds && !b.holds) return std::visit(Implies{}, b.node->is, a.node->is);
    return a.holds && std::visit(Excludes{}, a.node->is, b.node->is);
}

bool impossible(const Case& one) {
    return std::any_of(one.begin(), one.end(), [&one](const Literal& a) {
        return std::any_of(one.begin(), one.end(), [&a](const Literal& b) {
            return implies(a, {b.node, !b.holds});
        });
    });
}

/// Whether `wide` holds whenever `narrow` does.
bool covers(const Case& wide, const Case& narrow) {
    return std::all_of(wide.begin(), wide.end(), [&narrow](const Literal& b) {
        return std::any_of(narrow.begin(), narrow.end(), [&b](const Literal& a) { return implies(a, b); });
    });
}

/// The first policy of which a case covers this one.
std::optional<std::size_t> policy_over(const Case& one, std::span<const Cases> policies) {
    for (std::size_t i = 0; i < policies.size(); ++i) {
        if (!policies[i]) continue;
        const auto wide = [&one](const Case& other) { return covers(other, one); };
        if (std::any_of(policies[i]->begin(), policies[i]->end(), wide)) return i;
    }
    return std::nullopt;
}

/// Empty when a flow may get it, as far as can be told.
std::optional<NeverInForce> judge(std::size_t policy, std::span<const Cases> before, const Cases& own) {
    if (!own) return std::nullopt;
    std::set<std::size_t> over;
    for (const Case& one : *own) {
        if (impossible(one)) continue;
        const std::optional<std::size_t> found = policy_over(one, before);
        if (!found) return std::nullopt;
        over.insert(*found);
    }
    return NeverInForce{policy, {over.begin(), over.end()}};
}

}  // namespace

std::vector<NeverInForce> never_in_force(std::span<const Policy> policies) {
    std::vector<Cases> cases;
    std::vector<NeverInForce> found;
    for (std::size_t i = 0; i < policies.size(); ++i) {
        const Filter::Node* root = policies[i].match.root();
        cases.push_back(root == nullptr ? Cases(std::vector<Case>(1)) : cases_of(*root, true));
        if (auto never = judge(i, std::span(cases).first(i), cases[i])) found.push_back(std::move(*never));
    }
    return found;
}

}  // namespace finwait::policy
