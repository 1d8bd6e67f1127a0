#include "policy/filter.hpp"
#include "policy/filter_node.hpp"

#include <algorithm>

namespace finwait::policy {
namespace {

struct Matcher {
    const Subject& subject;

    bool operator()(const All& all) const {
        return std::all_of(all.of.begin(), all.of.end(), [this](const auto& node) { return visit(node); });
    }
    bool operator()(const Any& any) const {
        return std::any_of(any.of.begin(), any.of.end(), [this](const auto& node) { return visit(node); });
    }
    bool operator()(const Not& negation) const { return !visit(*negation.of); }

    bool operator()(const StateIs& p) const {
        return either(p.side, [&](tcp::Role side) {
            return p.state == (side == tcp::Role::client ? subject.client_state : subject.server_state);
        });
    }
    bool operator()(const AddressIn& p) const {
        return either(p.side, [&](tcp::Role side) { return p.network.contains(endpoint(side).address); });
    }
    bool operator()(const PortIs& p) const { return endpoint(p.side).port == p.port; }
    bool operator()(const CloserIs& p) const { return subject.closer == p.side; }
    bool operator()(const PolicyIs& p) const { return subject.policy == p.name; }
    bool operator()(const PhaseIs& p) const { return subject.phase == p.phase; }
    bool operator()(const Compare& p) const {
        const auto value = p.quantity == Quantity::idle ? subject.idle : subject.age;
        if (!value) return false;
        switch (p.comparison) {
            case Comparison::greater: return *value > p.limit;
            case Comparison::greater_equal: return *value >= p.limit;
            case Comparison::less: return *value < p.limit;
            case Comparison::less_equal: return *value <= p.limit;
        }
        return false;
    }

    bool visit(const Filter::Node& node) const { return std::visit(*this, node.is) != node.negated; }

  private:
    const tcp::Endpoint& endpoint(tcp::Role side) const {
        return side == tcp::Role::client ? subject.client : subject.server;
    }

    template<class Predicate>
    static bool either(std::optional<tcp::Role> side, Predicate holds) {
        if (side) return holds(*side);
        return holds(tcp::Role::client) || holds(tcp::Role::server);
    }
};

// Walks the tree and puts down its leaves. A node carries the answer when what it says is what the level
// above says.
struct Explainer {
    Matcher matcher;
    const std::string& text;
    std::vector<Term>& terms;

    void walk(const Filter::Node& node, bool decides) const {
        if (const auto* all = std::get_if<All>(&node.is)) return walk_all(all->of, matcher(*all), decides);
        if (const auto* any = std::get_if<Any>(&node.is)) return walk_all(any->of, matcher(*any), decides);
        if (const auto* negation = std::get_if<Not>(&node.is)) return walk(*negation->of, decides);
        terms.push_back({text.substr(node.begin, node.length), matcher.visit(node), decides});
    }

  private:
    void walk_all(const std::vector<Filter::Node>& nodes, bool answer, bool decides) const {
        for (const Filter::Node& node : nodes)
            walk(node, decides && matcher.visit(node) == answer);
    }
};

// What stays the same for as long as a flow is half-closed by the same closer.
struct Lasting {
    bool operator()(const All& all) const { return every(all.of); }
    bool operator()(const Any& any) const { return every(any.of); }
    bool operator()(const Not& negation) const { return std::visit(*this, negation.of->is); }
    bool operator()(const AddressIn&) const { return true; }
    bool operator()(const PortIs&) const { return true; }
    bool operator()(const CloserIs&) const { return true; }
    bool operator()(const StateIs&) const { return false; }
    bool operator()(const PolicyIs&) const { return false; }
    bool operator()(const PhaseIs&) const { return false; }
    bool operator()(const Compare&) const { return false; }

  private:
    bool every(const std::vector<Filter::Node>& nodes) const {
        return std::all_of(nodes.begin(), nodes.end(),
                           [this](const auto& node) { return std::visit(*this, node.is); });
    }
};

void find_policies(const Filter::Node& node, std::vector<NamedPolicy>& found) {
    if (const auto* all = std::get_if<All>(&node.is))
        for (const Filter::Node& part : all->of)
            find_policies(part, found);
    if (const auto* any = std::get_if<Any>(&node.is))
        for (const Filter::Node& part : any->of)
            find_policies(part, found);
    if (const auto* negation = std::get_if<Not>(&node.is)) find_policies(*negation->of, found);
    if (const auto* named = std::get_if<PolicyIs>(&node.is))
        found.push_back({named->name, node.begin + node.length - named->name.size() + 1});
}

}  // namespace

bool Filter::matches(const Subject& subject) const {
    return !root_ || Matcher{subject}.visit(*root_);
}

std::vector<Term> Filter::explain(const Subject& subject) const {
    std::vector<Term> terms;
    if (root_) Explainer{{subject}, text_, terms}.walk(*root_, true);
    return terms;
}

std::vector<NamedPolicy> Filter::named_policies() const {
    std::vector<NamedPolicy> found;
    if (root_) find_policies(*root_, found);
    return found;
}

bool Filter::depends_on_time() const {
    return root_ && !std::visit(Lasting{}, root_->is);
}

}  // namespace finwait::policy
