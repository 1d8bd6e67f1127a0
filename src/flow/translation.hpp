// How NAT shows the two ends of a connection to each other. At the forward hook both directions carry each
// end's own address: there the translation of a destination is done already, and that of a source is still to
// come. What each end takes its peer to be, only conntrack knows.
#pragma once

#include "tcp/segment.hpp"

#include <cstdint>

namespace finwait::flow {

/// One end, and by which address the other one knows it; the same without NAT.
struct Face {
    tcp::Endpoint own;
    tcp::Endpoint shown;

    friend bool operator==(const Face&, const Face&) = default;
};

struct Translation {
    Face opener;  // conntrack's original tuple begins there
    Face answerer;
    std::uint32_t entry = 0;  // the name of conntrack's entry: a later one with the same tuples has another
    std::uint32_t mark = 0;   // of that entry, when it was found
    bool astray = false;      // it is taken for one that begins: what its sides say may be invalid
    /// This machine changes sequence numbers of it behind the forward hook (SYNPROXY, a NAT helper that has
    /// made a segment longer or shorter): an acknowledgment that the forward hook shows does not count in the
    /// numbers of the segments that it acknowledges.
    bool shifted = false;
    /// conntrack has seen neither a FIN nor an RST of it.
    bool open = false;
    /// A search through the whole of conntrack has found another connection that has the same two ends at the
    /// forward hook.
    bool shared = false;

    /// Whether it is of the connection that the forward hook shows between these two.
    [[nodiscard]] bool between(const tcp::Endpoint& a, const tcp::Endpoint& b) const;
    /// Writes the source by which the receiver knows the sender. The segment must be of that connection.
    void apply(tcp::Segment& segment) const;

    /// Whichever entry told it.
    friend bool operator==(const Translation& a, const Translation& b) {
        return a.opener == b.opener && a.answerer == b.answerer;
    }
};

}  // namespace finwait::flow
