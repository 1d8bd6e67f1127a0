#include "tcp/transitions.hpp"

#include <array>

namespace finwait::tcp {

namespace {

using enum State;
using enum Event;

constexpr auto kTransitions = std::to_array<Transition>({
    {closed, sent_syn, syn_sent, "3.10.1: active OPEN sends a SYN"},
    {closed, sent_syn_ack, syn_received, "3.10.7.2: LISTEN answers a SYN by SYN,ACK"},
    {listen, sent_syn, syn_sent, "3.10.1: an OPEN turns from passive to active"},
    {listen, sent_syn_ack, syn_received, "3.10.7.2: LISTEN answers a SYN by SYN,ACK"},
    {unknown, sent_syn, syn_sent, "3.5: a SYN begins a connection, whatever was before"},
    {unknown, sent_syn_ack, syn_received, "3.5: a SYN,ACK comes from SYN-RECEIVED only"},
    {unknown, acked_syn, established, "3.10.7.3: SYN,ACK arrived, acknowledged by an ACK"},

    {syn_sent, sent_syn_ack, syn_received, "3.5: simultaneous open, the peer's SYN arrived"},
    {syn_sent, acked_syn, established, "3.10.7.3: SYN,ACK arrived, acknowledged by an ACK"},
    {syn_received, syn_acked, established, "3.10.7.4: the ACK of our SYN"},
    {established, syn_ack_repeated, syn_received,
     "3.8.1: a repeated SYN,ACK says that the ACK of it was lost"},

    {syn_received, sent_fin, fin_wait_1, "3.10.4: CLOSE in SYN-RECEIVED sends a FIN"},
    {established, sent_fin, fin_wait_1, "3.10.4: CLOSE in ESTABLISHED sends a FIN"},
    {close_wait, sent_fin_before, closing, "3.10.7.4: the FINs crossed, and its own was lost before us"},
    {close_wait, sent_fin, last_ack, "3.10.4: CLOSE in CLOSE-WAIT sends a FIN"},

    {syn_received, acked_fin, close_wait, "3.10.7.4: a FIN arrived and was acknowledged"},
    {established, acked_fin, close_wait, "3.10.7.4: a FIN arrived and was acknowledged"},
    {fin_wait_1, acked_fin, closing, "3.10.7.4: the FINs crossed and ours is not acknowledged"},
    {fin_wait_1, acked_fin_last, time_wait, "3.10.7.4: a FIN arrived that acknowledged ours"},
    {fin_wait_2, acked_fin_last, time_wait, "3.10.7.4: the peer's FIN arrived and was acknowledged"},

    {fin_wait_1, fin_acked, fin_wait_2, "3.10.7.4: our FIN is acknowledged, the peer goes on"},
    {closing, fin_acked_both, time_wait, "3.10.7.4: our FIN is acknowledged, the peer's is too"},
    {last_ack, fin_acked_both, closed, "3.10.7.4: our FIN is acknowledged, nothing is left"},

    {fin_wait_2, fin_repeated, fin_wait_1, "3.8.1: a repeated FIN says that its acknowledgment was lost"},
    {time_wait, fin_repeated, closing, "3.8.1: a repeated FIN says that its acknowledgment was lost"},
    {closed, fin_repeated, last_ack, "3.8.1: a repeated FIN says that its acknowledgment was lost"},

    {unknown, reset, closed, "3.10.7: RST"},
    {listen, reset, closed, "3.10.7.2: RST"},
    {syn_sent, reset, closed, "3.10.7.3: RST that acknowledges our SYN"},
    {syn_received, reset, closed, "3.10.7.4: RST at the next sequence number (RFC 5961 section 3)"},
    {established, reset, closed, "3.10.7.4: RST at the next sequence number (RFC 5961 section 3)"},
    {fin_wait_1, reset, closed, "3.10.7.4: RST at the next sequence number (RFC 5961 section 3)"},
    {fin_wait_2, reset, closed, "3.10.7.4: RST at the next sequence number (RFC 5961 section 3)"},
    {close_wait, reset, closed, "3.10.7.4: RST at the next sequence number (RFC 5961 section 3)"},
    {closing, reset, closed, "3.10.7.4: RST"},
    {last_ack, reset, closed, "3.10.7.4: RST"},
    {time_wait, reset, closed, "3.10.7.4: RST"},
});

constexpr auto kNext = [] {
    std::array<std::array<State, kEventCount>, kStateCount> next{};
    for (std::size_t s = 0; s < kStateCount; ++s)
        for (std::size_t e = 0; e < kEventCount; ++e)
            next[s][e] = static_cast<State>(s);
    for (const Transition& t : kTransitions)
        next[static_cast<std::size_t>(t.from)][static_cast<std::size_t>(t.event)] = t.to;
    return next;
}();

struct EventWords {
    std::string_view name;
    std::string_view meaning;
};

constexpr std::array<EventWords, kEventCount> kEventWords = {{
    {"sent SYN", "it sent a SYN"},
    {"sent SYN,ACK", "it acknowledged the peer's SYN before its own was acknowledged"},
    {"acked SYN", "it acknowledged the peer's SYN"},
    {"SYN acked", "the peer acknowledged its SYN"},
    {"SYN,ACK repeated", "it repeated its SYN,ACK: the ACK of it was lost"},
    {"sent FIN", "it sent a FIN"},
    {"FIN sent before", "it sent a FIN that it had sent before it acknowledged the peer's"},
    {"FIN acked", "the peer, still open, acknowledged its FIN"},
    {"FIN acked, both sent", "the peer, which has sent a FIN too, acknowledged its FIN"},
    {"acked FIN", "it acknowledged the peer's FIN"},
    {"acked FIN, both acked", "it acknowledged the peer's FIN, and its own is acknowledged"},
    {"FIN repeated", "it repeated its FIN: the acknowledgment of it was lost"},
    {"RST", "the connection was reset"},
}};

}  // namespace

std::span<const Transition> transitions() {
    return kTransitions;
}

State next_state(State from, Event event) {
    return kNext[static_cast<std::size_t>(from)][static_cast<std::size_t>(event)];
}

std::string_view name(Event e) {
    return kEventWords[static_cast<std::size_t>(e)].name;
}

std::string_view meaning(Event e) {
    return kEventWords[static_cast<std::size_t>(e)].meaning;
}

}  // namespace finwait::tcp
