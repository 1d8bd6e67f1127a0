// What the egress asks of the kernel, what the kernel answers, and what leaves: values only. Each question
// names the answers that it may get; Failed is one of them where the kernel can fail to answer.
#pragma once

#include "engine/notice.hpp"
#include "flow/translation.hpp"
#include "tcp/segment.hpp"
#include "tcp/state.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace finwait::egress {

/// Finds conntrack's entry of the connection that the forward hook shows between these two; finds none where
/// NAT changes its source and its destination. Answers: Translation, NoEntry, Failed.
struct FindEntry {
    tcp::Endpoint source;
    tcp::Endpoint destination;
    friend bool operator==(const FindEntry&, const FindEntry&) = default;
};

/// Reads an entry that was found before, as it is now. Answers: Translation, NoEntry, Failed.
struct ReadEntry {
    flow::Translation connection;
    friend bool operator==(const ReadEntry&, const ReadEntry&) = default;
};

/// Looks whether conntrack knows any connection at all. Answer: Table.
struct CheckTable {
    friend bool operator==(const CheckTable&, const CheckTable&) = default;
};

/// Looks for the connection between these two in the whole of conntrack's table, soon and with many others:
/// Machine::release() takes what was found. Answer: Done, once the search is ordered.
struct ScanTable {
    tcp::Endpoint source;
    tcp::Endpoint destination;
    friend bool operator==(const ScanTable&, const ScanTable&) = default;
};

/// Sets these bits in the mark of a connection's entry. Answers: Done, Failed.
struct MarkEntry {
    flow::Translation connection;
    std::uint32_t mask = 0;
    friend bool operator==(const MarkEntry&, const MarkEntry&) = default;
};

/// Asks this machine for its socket, by the names that the socket itself uses. Answers: Socket, NoSocket,
/// Failed.
struct QuerySocket {
    tcp::Endpoint local;
    tcp::Endpoint remote;
    friend bool operator==(const QuerySocket&, const QuerySocket&) = default;
};

/// Ends just the socket that the last QuerySocket has found. Answer: Destroyed.
struct DestroySocket {
    tcp::Endpoint local;
    tcp::Endpoint remote;
    friend bool operator==(const DestroySocket&, const DestroySocket&) = default;
};

/// A segment as its receiver expects it.
struct OutgoingSegment {
    tcp::Segment segment;
    tcp::Endpoint shown;  // its source as the forward hook shows it: what it is routed by

    /// As the engine made it.
    [[nodiscard]] tcp::Segment as_made() const;
    friend bool operator==(const OutgoingSegment&, const OutgoingSegment&) = default;
};

enum class Path : std::uint8_t {
    untracked,  // passes conntrack by
    tracked,    // conntrack gets to know it
};

/// Sends a segment with the others of this burst. Where it does not leave: Machine::not_sent(). Answer: Done.
struct Transmit {
    OutgoingSegment out;
    Path path = Path::untracked;
    friend bool operator==(const Transmit&, const Transmit&) = default;
};

/// A notice is for the engine. Answer: Told.
using Action = std::variant<FindEntry, ReadEntry, CheckTable, ScanTable, MarkEntry, QuerySocket,
                            DestroySocket, Transmit, engine::Notice>;

struct Failed {};
struct Done {};
struct NoEntry {};
struct Table {
    bool empty = false;
};
struct NoSocket {};
/// A connected socket of this machine, or the record that the kernel keeps of a closed one.
struct Socket {
    tcp::State state = tcp::State::unknown;
    bool orphaned = false;  // no application holds it
    bool bound = false;     // to one device
};
enum class Destroyed : std::uint8_t {
    no,        // it could not be done
    alone,     // the peer has not been told
    with_rst,  // the kernel has told the peer by an RST of its own
};
/// What engine::deliver() has returned.
struct Told {
    bool yes = false;
};

using Answer =
    std::variant<Done, Failed, NoEntry, flow::Translation, Table, NoSocket, Socket, Destroyed, Told>;

/// The ends of connections as the forward hook shows them, the lesser one first, and what a search of
/// conntrack's table has found of each.
using Wanted = std::map<std::pair<tcp::Endpoint, tcp::Endpoint>, std::optional<flow::Translation>>;

/// One line for people: "find 10.0.0.1:1 10.0.0.2:80".
[[nodiscard]] std::string text(const Action& action);

}  // namespace finwait::egress
