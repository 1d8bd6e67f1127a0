#include "gateway.hpp"

#include "egress/drive.hpp"

#include <utility>

namespace finwait::sim {

namespace {

namespace flag = tcp::flag;

constexpr std::uint8_t kControl = flag::syn | flag::fin | flag::rst;
constexpr std::uint32_t kMark = 0x80;
const Instant kStart{std::chrono::seconds(1000)};

tcp::Endpoint endpoint(std::string_view address, std::uint16_t port) {
    return {*tcp::Address::parse(address), port};
}

/// Nothing will be sent to the flow any more.
bool ends(engine::EventType type) {
    using enum engine::EventType;
    return type == confirmed || type == unconfirmed || type == closed;
}

}  // namespace

tcp::Endpoint own_name(std::size_t host) {
    static const std::array<tcp::Endpoint, 2> kNames = {endpoint("10.99.1.2", 40'000),
                                                        endpoint("10.99.2.2", 80)};
    return kNames[host];
}

tcp::Endpoint shown_name(const GatewayOptions& options, std::size_t host) {
    static const std::array<tcp::Endpoint, 2> kNames = {endpoint("198.51.100.1", 50'000),
                                                        endpoint("203.0.113.1", 443)};
    return options.translated[host] ? kNames[host] : own_name(host);
}

Gateway::Gateway(const Life& life, engine::Engine& engine, Judge& judge, std::array<Endpoint, 2>& hosts,
                 std::ostream* trace)
    : life_(life), options_(life.gateway), engine_(engine), judge_(judge), hosts_(hosts), trace_(trace) {
    if (options_.asks_conntrack) machine_.translate();
    if (options_.asks_conntrack && life.selective) machine_.queued_by(kMark);
    if (options_.local) machine_.know_own_sockets(options_.destroys);
    if (options_.mark_lost) mark_lost_ = kStart + *options_.mark_lost;
}

Packet Gateway::at_hook(std::size_t sender, const Packet& packet) {
    Packet shown = packet;
    shown.segment.destination = own_name(1 - sender);
    return shown;
}

Packet Gateway::behind_hook(std::size_t sender, const Packet& packet) const {
    Packet shown = packet;
    shown.segment.source = shown_name(options_, sender);
    return shown;
}

engine::Way Gateway::way(std::size_t sender) const {
    if (!options_.local) return engine::Way::forwarded;
    return *options_.local == sender ? engine::Way::leaving : engine::Way::arriving;
}

/// A flow that is flushed is known again by its next acknowledgment; a FIN or an RST of a flow that is not
/// known is invalid (nf_conntrack_proto_tcp.c), and the former is queued even so, as are segments that begin
/// an entry.
bool Gateway::track(const tcp::Segment& segment) {
    const bool control = segment.any(kControl);
    if (!known_) {
        if (segment.any(flag::fin | flag::rst)) return !segment.any(flag::rst);
        known_ = true;
        fin_seen_ = false;
        ++name_;
        marked_ = control;
        return true;
    }
    if (control) marked_ = true;
    if (segment.any(flag::syn)) fin_seen_ = false;
    if (segment.any(flag::fin | flag::rst)) fin_seen_ = !options_.misses_fin;
    return marked_;
}

void Gateway::release(const tcp::Segment& segment) {
    marked_ = segment.any(kControl);
}

flow::Translation Gateway::entry() const {
    flow::Translation t{{own_name(0), shown_name(options_, 0)}, {own_name(1), shown_name(options_, 1)}};
    t.entry = name_;
    t.mark = marked_ ? kMark : 0;
    t.shifted = options_.shifts_numbers;
    t.open = !fin_seen_ || options_.shares_ends;
    return t;
}

/// Every so many questions conntrack does not answer.
bool Gateway::fails() {
    return options_.failing != 0 && ++questions_ % options_.failing == 0;
}

/// One action at a time.
class Gateway::Performer {
  public:
    Performer(Gateway& gateway, Instant now) : g_(gateway), now_(now) {}

    egress::Answer operator()(const egress::Action& action) const {
        if (g_.trace_ != nullptr) *g_.trace_ << "      " << egress::text(action) << '\n';
        return std::visit([this](const auto& a) { return perform(a); }, action);
    }

  private:
    using Answer = egress::Answer;

    Answer perform(const egress::FindEntry&) const {
        if (g_.fails()) return egress::Failed{};
        const bool findable = !g_.options_.translated[0] || !g_.options_.translated[1];
        return g_.known_ && findable ? Answer(g_.entry()) : Answer(egress::NoEntry{});
    }
    Answer perform(const egress::ReadEntry& a) const {
        if (g_.fails()) return egress::Failed{};
        if (a.connection != g_.entry()) g_.judge_.fail(now_, "the entry of nobody is read");
        return g_.known_ ? Answer(g_.entry()) : Answer(egress::NoEntry{});
    }
    Answer perform(const egress::CheckTable&) const { return egress::Table{g_.options_.empty && !g_.known_}; }
    Answer perform(const egress::ScanTable& a) const {
        g_.wanted_.try_emplace(std::minmax(a.source, a.destination));
        return egress::Done{};
    }
    Answer perform(const egress::MarkEntry& a) const {
        if (g_.fails()) return egress::Failed{};
        if (a.mask != kMark) g_.judge_.fail(now_, "a mark of nobody is set");
        if (!g_.known_) return egress::Failed{};
        g_.marked_ = true;
        return egress::Done{};
    }
    Answer perform(const egress::QuerySocket& a) const {
        const auto host = g_.local_host(a.local, a.remote);
        if (!host) return egress::NoSocket{};
        const Endpoint& socket = g_.hosts_[*host];
        return egress::Socket{socket.state(), socket.orphaned(), false};
    }
    Answer perform(const egress::DestroySocket& a) const {
        const auto host = g_.local_host(a.local, a.remote);
        return host ? g_.destroy(now_, *host) : egress::Destroyed::no;
    }
    Answer perform(const egress::Transmit& a) const {
        g_.transmit(now_, a);
        return egress::Done{};
    }
    Answer perform(const engine::Notice& notice) const {
        g_.judge_.noticed(notice);
        return egress::Told{engine::deliver(g_.engine_, now_, notice)};
    }

    Gateway& g_;
    Instant now_;
};

std::optional<std::size_t> Gateway::local_host(const tcp::Endpoint& local,
                                               const tcp::Endpoint& remote) const {
    if (!options_.local) return std::nullopt;
    const std::size_t host = *options_.local;
    const bool names = local == own_name(host) && remote == shown_name(options_, 1 - host);
    if (!names || hosts_[host].vanished() || !hosts_[host].has_socket()) return std::nullopt;
    return host;
}

egress::Destroyed Gateway::destroy(Instant now, std::size_t host) {
    judge_.destroyed(now, host);
    return hosts_[host].destroy(now) ? egress::Destroyed::with_rst : egress::Destroyed::alone;
}

/// In every fifth life the gateway's own queue drops two of three segments of the engine's.
bool Gateway::queue_is_full() {
    return life_.seed % 5 == 1 && ++own_sends_ % 3 != 0;
}

void Gateway::transmit(Instant now, const egress::Transmit& order) {
    const tcp::Segment& s = order.out.segment;
    Outgoing out;
    out.packet.segment = s;
    out.packet.origin = Origin::reaper;
    out.receiver = s.destination == own_name(0) ? 0 : 1;
    out.dropped = queue_is_full();
    if (s.source != shown_name(options_, 1 - out.receiver))
        judge_.fail(now, "a segment of ours carries a name that its receiver does not know: " + s.text());
    if (options_.shifts_numbers || options_.shares_ends)
        judge_.fail(now, "a segment of ours leaves for a flow that is ambiguous: " + s.text());
    if (s.source != order.out.shown) judge_.translated();
    // What passes conntrack makes the flow known, but an RST does not.
    if (order.path == egress::Path::tracked && !out.dropped) {
        if (s.any(flag::rst)) judge_.fail(now, "an RST of ours passes conntrack");
        known_ = true;
    }
    if (!out.dropped && s.any(flag::rst)) judge_.reaped(now, out.receiver, s);
    outbox_.push_back(out);
}

void Gateway::carry_out(Instant now, egress::Machine::Actions actions) {
    egress::drive(machine_, now, actions, Performer(*this, now));
}

void Gateway::perform(Instant now, const engine::Actions& actions) {
    for (const engine::Action& action : actions) {
        if (const auto* order = std::get_if<engine::Send>(&action)) {
            carry_out(now, machine_.send(now, *order));
            continue;
        }
        const auto& event = std::get<engine::Event>(action);
        if (event.type == engine::EventType::half_closed)
            carry_out(now, machine_.note_half_closed(now, event));
        if (ends(event.type)) machine_.forget(event.id);
    }
    end_burst(now);
}

void Gateway::end_burst(Instant now) {
    for (const Outgoing& out : outbox_) {
        if (!out.dropped) continue;
        tcp::Segment made = out.packet.segment;
        made.source = own_name(1 - out.receiver);
        carry_out(now, machine_.not_sent(made, egress::Refusal::queue_full));
    }
    static_cast<void>(machine_.end_burst(now));
    begin_scan(now);
}

void Gateway::begin_scan(Instant now) {
    if (scan_ || wanted_.empty()) return;
    scan_ = Scan{now + options_.scan, std::exchange(wanted_, {})};
}

void Gateway::end_scan(Instant now) {
    Scan scan = std::move(*scan_);
    scan_.reset();
    const bool failed = fails();
    for (auto& [ends, found] : scan.wanted) {
        if (!known_) continue;
        found = entry();
        // The other one, which has the same ends at the hook: one of the two is found.
        found->shared = options_.shares_ends;
    }
    for (;;) {
        const auto actions = machine_.release(now, scan.wanted, failed);
        if (actions.empty()) break;
        carry_out(now, actions);
    }
    end_burst(now);
}

/// Somebody writes the whole mark, or flushes conntrack.
void Gateway::lose_mark(Instant now) {
    mark_lost_ = Instant::never();
    marked_ = false;
    if (options_.flushes) known_ = false;
    judge_.blinded();
    if (trace_ != nullptr)
        *trace_ << static_cast<double>((now - kStart) / ms(1)) / 1000 << "s conntrack has lost "
                << (options_.flushes ? "the flow" : "its mark") << '\n';
}

Instant Gateway::next_deadline() const {
    return std::min(mark_lost_, scan_ ? scan_->ends : Instant::never());
}

void Gateway::on_timer(Instant now) {
    if (mark_lost_ <= now) lose_mark(now);
    if (scan_ && scan_->ends <= now) end_scan(now);
}

}  // namespace finwait::sim
