#include "tcp/basis.hpp"

namespace finwait::tcp {

namespace {

using enum Basis;
using enum NumberEvent;

constexpr auto kChanges = std::to_array<BasisChange>({
    {followed, unknown, heard},
    {followed, guessed, stale},  // it may be anybody's: only a segment that fits the FIN confirms a number

    {bounded, unknown, proven},
    {bounded, guessed, proven},
    {bounded, stale, proven},
    {bounded, heard, proven},
    {unbounded, proven, heard},

    {gap_half_closed, unknown, guessed},
    {gap_half_closed, heard, stale},
    {gap_half_closed, proven, stale},

    {gap, guessed, unknown},
    {gap, stale, unknown},
    {gap, heard, unknown},
    {gap, proven, unknown},

    {gap_reported, unknown, guessed},
    {gap_reported, stale, guessed},
    {gap_reported, heard, guessed},
    {gap_reported, proven, guessed},

    {reported, unknown, guessed},
    {reported, stale, guessed},
    {reported, heard, guessed},
    {reported, proven, guessed},

    {told, guessed, heard},
    {told, stale, heard},

    {confirmed, unknown, heard},
    {confirmed, guessed, heard},
    {confirmed, stale, heard},

    {advanced, guessed, unknown},
    {advanced, stale, unknown},
    {advanced, heard, unknown},
    {advanced, proven, unknown},

    {peer_advanced, stale, guessed},
});

constexpr auto kNext = [] {
    std::array<std::array<Basis, kNumberEventCount>, kBasisCount> next{};
    for (std::size_t b = 0; b < kBasisCount; ++b)
        for (std::size_t e = 0; e < kNumberEventCount; ++e)
            next[b][e] = static_cast<Basis>(b);
    for (const BasisChange& c : kChanges)
        next[static_cast<std::size_t>(c.from)][static_cast<std::size_t>(c.event)] = c.to;
    return next;
}();

constexpr std::array<std::string_view, kBasisCount> kNames = {"unknown", "guessed", "stale", "heard",
                                                              "proven"};

constexpr std::array<std::string_view, kNumberEventCount> kMeanings = {
    "a segment of its side has passed and was accepted",
    "nothing can lie beyond it: a SYN, or a FIN that is acknowledged",
    "what bounded it is taken back",
    "segments may have passed unseen, while one side has closed",
    "segments may have passed unseen in any other flow, or it goes to the kernel's fast path",
    "segments may have passed unseen while a reported FIN is neither right nor wrong yet",
    "conntrack reports that the flow is half-closed",
    "the peer's acknowledgment tells it",
    "its side has said that it stands there",
    "its side has gone on unseen",
    "the peer has gone on unseen",
};

}  // namespace

std::span<const BasisChange> basis_changes() {
    return kChanges;
}

Basis next_basis(Basis from, NumberEvent event) {
    return kNext[static_cast<std::size_t>(from)][static_cast<std::size_t>(event)];
}

std::string_view name(Basis b) {
    return kNames[static_cast<std::size_t>(b)];
}

std::string_view meaning(NumberEvent e) {
    return kMeanings[static_cast<std::size_t>(e)];
}

}  // namespace finwait::tcp
