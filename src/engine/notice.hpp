// What became of the segments that the engine asked to be sent, as values. Whoever sends them (the egress)
// makes these, and hands them to the engine by deliver(): so nothing that sends needs to call the engine.
#pragma once

#include "engine/report.hpp"
#include "flow/inquiry.hpp"
#include "flow/phase.hpp"
#include "tcp/segment.hpp"
#include "tcp/time.hpp"

#include <variant>

namespace finwait::engine {

class Engine;

/// A segment of the flow waits until its names are known. Meanwhile nobody's silence means anything.
struct Held {
    FlowId flow;
    friend bool operator==(const Held&, const Held&) = default;
};

/// A segment that waited `since` then leaves now, or is given up. Answer: whether what was decided then still
/// holds, because nothing of the flow has passed since and the engine is not on hold.
struct LetGo {
    FlowId flow;
    Instant since;
    friend bool operator==(const LetGo&, const LetGo&) = default;
};

/// A segment has not left this machine. It counts as no attempt.
struct Unsent {
    tcp::Segment segment;    // as the engine made it
    bool just_made = false;  // by the last Engine::on_tick(); false: it has waited
    friend bool operator==(const Unsent&, const Unsent&) = default;
};

/// Segments of the flow may have passed unseen. Answer: whether the engine asks its sides where they stand;
/// it does not for a handshake.
struct Gap {
    FlowId flow;
    friend bool operator==(const Gap&, const Gap&) = default;
};

/// What passes the forward hook is not enough to send anything for the flow.
struct Ambiguous {
    FlowId flow;
    flow::Ambiguity why = flow::Ambiguity::ends;
    friend bool operator==(const Ambiguous&, const Ambiguous&) = default;
};

/// What this machine says of its socket at `end`, instead of an answer to a probe: alive, orphan or gone.
struct SocketState {
    FlowId flow;
    tcp::Endpoint end;
    flow::Evidence evidence = flow::Evidence::unknown;
    friend bool operator==(const SocketState&, const SocketState&) = default;
};

using Notice = std::variant<Held, LetGo, Unsent, Gap, Ambiguous, SocketState>;

/// Hands a notice to the engine. Returns the answer of LetGo and of Gap; true for the others. REQUIRES: the
/// thread of the engine.
bool deliver(Engine& engine, Instant now, const Notice& notice);

}  // namespace finwait::engine
