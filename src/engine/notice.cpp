#include "engine/notice.hpp"

#include "engine/engine.hpp"

namespace finwait::engine {
namespace {

struct Delivery {
    Engine& engine;
    Instant now;

    bool operator()(const Held& n) const {
        engine.hold(now, n.flow);
        return true;
    }
    bool operator()(const LetGo& n) const {
        engine.let_go(now, n.flow);
        return !engine.on_hold() && engine.quiet_since(n.since, n.flow);
    }
    bool operator()(const Unsent& n) const {
        engine.on_unsent(now, n.segment, n.just_made);
        return true;
    }
    bool operator()(const Gap& n) const { return engine.on_unseen(now, n.flow); }
    bool operator()(const Ambiguous& n) const {
        engine.on_ambiguous(n.flow, n.why);
        return true;
    }
    bool operator()(const SocketState& n) const {
        engine.on_socket_state(now, n.flow, n.end, n.evidence);
        return true;
    }
};

}  // namespace

bool deliver(Engine& engine, Instant now, const Notice& notice) {
    return std::visit(Delivery{engine, now}, notice);
}

}  // namespace finwait::engine
