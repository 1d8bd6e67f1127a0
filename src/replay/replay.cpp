#include "replay/replay.hpp"

#include "replay/link.hpp"
#include "tcp/segment.hpp"

#include <algorithm>
#include <numeric>
#include <random>

namespace finwait::replay {
namespace {

using tcp::ParseError;

engine::Options engine_options(Options options, Recorder& recorder) {
    engine::Options out;
    out.max_flows = options.max_flows;
    out.selective = false;
    out.silent_losses = true;
    std::random_device random;  // a capture made for it must not make the table slow
    for (std::uint64_t& key : out.hash_key)
        key = std::uint64_t{random()} << 32U | random();
    out.tuning.policies = std::move(options.policies);
    out.tuning.observe = true;
    out.observer = &recorder;
    return out;
}

/// Lengths come from the IP header: a capture may have cut the frame short and say nothing of it. A length of
/// 0 in the header is a segment that the network card was to cut up: the frame's own length tells.
ParseError parse(const Unwrapped& unwrapped, tcp::Segment& segment) {
    const ParseError error = tcp::parse(unwrapped.packet, 0, segment);
    if (error != ParseError::bad_length) return error;
    return tcp::parse(unwrapped.packet, unwrapped.wire_length, segment);
}

}  // namespace

std::uint64_t Counts::not_tcp() const {
    return unread[static_cast<std::size_t>(ParseError::not_ip)] +
           unread[static_cast<std::size_t>(ParseError::not_tcp)];
}

std::uint64_t Counts::refused() const {
    return std::accumulate(unread.begin(), unread.end(), std::uint64_t{0}) - not_tcp();
}

Replay::Replay(Options options)
    : recorder_(options.max_flows), engine_(engine_options(std::move(options), recorder_)) {}

void Replay::run(Capture& capture) {
    while (const auto packet = capture.next())
        take(*packet, capture.link_type());
    counts_.backwards = capture.backwards();
    recorder_.finish(now_, engine_);
}

void Replay::take(const Packet& packet, int link_type) {
    ++counts_.packets;
    pass_time(packet.time);
    const Unwrapped unwrapped = unwrap(link_type, packet.frame, packet.wire_length);
    tcp::Segment segment;
    ParseError error = unwrapped.error;
    if (error == ParseError::none) error = parse(unwrapped, segment);
    if (error != ParseError::none) {
        ++counts_.unread[static_cast<std::size_t>(error)];
        return;
    }
    ++counts_.tcp;
    static_cast<void>(engine_.on_segment(now_, segment));
}

/// Wakes the engine whenever it wants to be, up to `until`.
void Replay::pass_time(Instant until) {
    // Between two packets of a real capture there are far fewer; in an absurd one, with years in between, a
    // flow that is looked at every second must not hold up the rest.
    constexpr int kMostWakes = 1'000'000;
    for (int wakes = 0; engine_.next_deadline() <= until; ++wakes) {
        now_ = wakes < kMostWakes ? std::max(now_, engine_.next_deadline()) : until;
        actions_.clear();
        engine_.on_tick(now_, actions_);
        for (const engine::Action& action : actions_) {
            if (const auto* event = std::get_if<engine::Event>(&action)) recorder_.note(now_, *event);
        }
    }
    now_ = until;
}

Counts Replay::counts() const {
    Counts counts = counts_;
    counts.invalid = engine_.counters().packets_invalid;
    counts.untracked = engine_.counters().packets_untracked;
    counts.left_out = recorder_.left_out();
    return counts;
}

}  // namespace finwait::replay
