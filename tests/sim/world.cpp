#include "world.hpp"

#include "tcp/compose.hpp"

#include <algorithm>
#include <utility>

namespace finwait::sim {

namespace {

namespace flag = tcp::flag;

const Instant kStart{std::chrono::seconds(1000)};
constexpr std::uint32_t kLargestWindow = UINT32_C(5) << 28U;  // RFC 7323's, and a quarter more

/// Longer than the longest timeout of the engine.
constexpr Duration kDays = std::chrono::hours(24 * 8);

engine::Options engine_options(const Life& life) {
    policy::Timeouts timeouts;
    // Every other random life is asked before it is ended.
    timeouts.on_expiry = life.seed % 2 == 1 ? policy::OnExpiry::probe : policy::OnExpiry::reset;
    timeouts.fin_wait_2 = life.fin_wait_2;
    // Of these every other one is ended although both answer.
    if (life.seed / 4 % 2 == 1) timeouts.alive_max = life.fin_wait_2 + std::chrono::seconds(5);
    engine::Options options;
    options.max_flows = 4;
    options.awake = life.seed / 2 % 2;  // every other time the flow is at rest between its segments
    options.selective = life.selective;
    options.tuning.policies = policy::PolicySet({}, timeouts);
    if (life.seed % 3 == 1) options.tuning.probes_per_second = options.tuning.resets_per_second = 1;
    return options;
}

}  // namespace

World::World(const Life& life, std::ostream* trace)
    : life_(life),
      trace_(trace),
      host_{Endpoint(life.host[0], own_name(0), shown_name(life.gateway, 1)),
            Endpoint(life.host[1], own_name(1), shown_name(life.gateway, 0))},
      link_{Link(0, life.latency[0], life.faults), Link(1, life.latency[1], life.faults),
            Link(2, life.latency[2], life.faults), Link(3, life.latency[3], life.faults)},
      engine_(engine_options(life)),
      judge_(life, engine_, host_),
      gateway_(life, engine_, judge_, host_, trace),
      step_at_(life.steps.empty() ? Instant::never() : kStart + life.steps.front().after),
      forgeries_(life.forgeries) {
    std::ranges::stable_sort(forgeries_, {}, &Forgery::at);
}

Instant World::next_event() const {
    Instant next = std::min({host_[0].next_deadline(), host_[1].next_deadline(), engine_.next_deadline(),
                             gateway_.next_deadline(), step_at_});
    for (const Link& link : link_)
        next = std::min(next, link.next_deadline());
    if (!flying_.empty()) next = std::min(next, flying_.top().at);
    if (next_forgery_ < forgeries_.size()) next = std::min(next, kStart + forgeries_[next_forgery_].at);
    return std::max(next, now_);
}

bool World::quiet() const {
    return flying_.empty() && !host_[0].restless() && !host_[1].restless() &&
           std::ranges::all_of(link_, [](const Link& l) { return l.next_deadline() == Instant::never(); });
}

void World::run_until(Instant end) {
    while (judge_.verdict().empty()) {
        const Instant next = next_event();
        if (stirred_ && next > now_ && quiet()) {
            judge_.quiet(now_);
            stirred_ = false;
        }
        if (next > end) break;
        step(next);
    }
    now_ = std::max(now_, end);
}

/// Everything that is due at one moment, in a fixed order.
void World::step(Instant at) {
    now_ = at;
    if (!flying_.empty() && flying_.top().at <= now_) {
        const InFlight f = flying_.top();
        flying_.pop();
        return arrive(f);
    }
    for (std::uint8_t hop = 0; hop < 4; ++hop) {
        link_[hop].on_timer(now_, deliveries_);
        launch(hop);
    }
    for (std::size_t host = 0; host < 2; ++host) {
        if (host_[host].next_deadline() <= now_) host_[host].on_timer(now_);
        collect(host);
    }
    if (gateway_.next_deadline() <= now_) {
        gateway_.on_timer(now_);
        send_ours();
    }
    if (engine_.next_deadline() <= now_) tick();
    if (step_at_ <= now_) {
        const Step& s = life_.steps[next_step_++];
        step_at_ = next_step_ < life_.steps.size() ? now_ + life_.steps[next_step_].after : Instant::never();
        perform(s);
    }
    if (next_forgery_ < forgeries_.size() && kStart + forgeries_[next_forgery_].at <= now_)
        forge(forgeries_[next_forgery_++]);
}

void World::perform(const Step& s) {
    Endpoint& host = host_[s.host];
    switch (s.act) {
        case Act::connect: host.connect(now_); break;
        case Act::write: host.write(now_, s.bytes); break;
        case Act::shutdown: host.shutdown(now_); break;
        case Act::close: host.close(now_); break;
        case Act::abort: host.abort(now_); break;
        case Act::stop_reading:
        case Act::read: host.set_reading(now_, s.act == Act::read); break;
        case Act::crash: host.crash(); break;
        case Act::vanish: host.vanish(); break;
    }
    collect(s.host);
}

void World::forge(const Forgery& f) {
    const std::size_t pretended = 1U - f.host;
    Packet p;
    p.origin = Origin::forger;
    p.segment.source = own_name(pretended);
    p.segment.destination = own_name(f.host);
    p.segment.flags = f.flags;
    p.segment.length = f.length;
    p.segment.window = 500;
    const Endpoint& target = host_[f.host];
    // A guess that a window lets through is no guess any more: numbers lie beyond any window, or near but
    // with an acknowledgment of what was never sent.
    const tcp::Seq beyond = tcp::later(target.rcv_nxt(), host_[pretended].snd_nxt());
    p.segment.seq = beyond + (f.near ? f.seq : kLargestWindow + f.seq % kLargestWindow);
    p.segment.ack = target.snd_nxt() + 1 + f.ack % kLargestWindow;
    if (f.is_signed) {
        p.segment.options = tcp::option::md5;
        p.segment.seq = host_[pretended].snd_nxt();
        p.segment.ack = target.snd_nxt();
    }
    pass(pretended, p);
}

void World::collect(std::size_t host) {
    std::vector<Packet>& outbox = host_[host].outbox();
    for (const Packet& p : outbox)
        send(before_observer(host), p);
    outbox.clear();
}

void World::send(std::uint8_t hop, const Packet& packet) {
    stirred_ = true;
    if (!link_[hop].send(now_, packet, deliveries_)) {
        tell("lost", packet);
        judge_.lost(hop, packet);
    }
    launch(hop);
}

void World::launch(std::uint8_t hop) {
    for (const Delivery& d : deliveries_)
        flying_.push({d.at, order_++, hop, d.packet});
    deliveries_.clear();
}

void World::arrive(const InFlight& f) {
    const std::size_t sender = f.hop / 2U;
    if (f.hop == before_observer(sender)) return pass(sender, f.packet);
    const std::size_t receiver = 1U - sender;
    host_[receiver].on_packet(now_, f.packet);
    for (Packet& answer : host_[receiver].outbox())
        answer.drawn = f.packet.origin == Origin::reaper;
    collect(receiver);
}

/// The forward hook: the rules in front of the queue, the engine, and the chain behind it.
void World::pass(std::size_t sender, const Packet& wire) {
    const Packet packet = Gateway::at_hook(sender, wire);
    const bool tracked = gateway_.track(packet.segment);
    const bool queued = !life_.selective || tracked;
    const engine::Verdict verdict = queued ? ask_engine(sender, packet) : engine::Verdict::accept;
    if (verdict == engine::Verdict::release) gateway_.release(packet.segment);
    if (verdict == engine::Verdict::drop) {
        // An answer to a probe: it must say nothing that the peer has not been told.
        judge_.kept(now_, sender, packet);
        tell("kept", packet);
        return tick();
    }
    judge_.passed(now_, sender, packet, queued);
    tell(queued ? "pass" : "fast", packet);
    tick();
    const bool dropped = packet.segment.offers(tcp::option::md5);  // no host has a key
    if (!dropped) send(behind_observer(sender), gateway_.behind_hook(sender, packet));
}

engine::Verdict World::ask_engine(std::size_t sender, const Packet& packet) {
    static constexpr std::array<std::uint8_t, 128> kPayload{};
    tcp::PacketBuffer bytes;
    const std::size_t size =
        tcp::compose(packet.segment, std::span(kPayload).first(packet.segment.length), bytes);
    tcp::Segment segment;
    const tcp::ParseError error = tcp::parse(std::span(bytes).first(size), size, segment);
    if (error != tcp::ParseError::none) judge_.fail(now_, "a composed segment cannot be parsed");
    return engine_.on_segment(now_, segment, gateway_.way(sender));
}

void World::tick() {
    if (engine_.next_deadline() > now_) return;
    actions_.clear();
    engine_.on_tick(now_, actions_);
    gateway_.perform(now_, actions_);
    send_ours();
}

/// What the egress has decided to send, and what the sockets say that it has ended.
void World::send_ours() {
    for (const Gateway::Outgoing& out : std::exchange(gateway_.outbox(), {})) {
        tell(out.dropped ? "held" : "reap", out.packet);
        if (!out.dropped) send(behind_observer(1U - out.receiver), out.packet);
    }
    for (std::size_t host = 0; host < 2; ++host)
        collect(host);
    judge_.ticked(now_);
}

void World::tell(std::string_view what, const Packet& packet) const {
    if (trace_ == nullptr) return;
    *trace_ << static_cast<double>((now_ - kStart) / ms(1)) / 1000 << "s " << what << ' '
            << (packet.segment.destination.port == own_name(1).port ||
                        packet.segment.destination.port == shown_name(life_.gateway, 1).port
                    ? "A>B "
                    : "B>A ")
            << (packet.origin == Origin::forger ? "forged " : "") << tcp::flags_text(packet.segment.flags)
            << " seq " << packet.segment.seq.value() << " ack " << packet.segment.ack.value() << " len "
            << packet.segment.length << " win " << packet.segment.window << "   truth "
            << tcp::name(host_[0].state()) << "/" << tcp::name(host_[1].state()) << "   claims "
            << judge_.claims_text() << '\n';
}

/// After the script: readers read again, what is under way comes to rest, idle half-closes come to their end;
/// then both hosts leave, and everything must be forgotten.
void World::wind_up() {
    for (std::size_t host = 0; host < 2; ++host) {
        host_[host].set_reading(now_, true);
        collect(host);
    }
    run_until(now_ + std::chrono::minutes(10));
    run_until(now_ + life_.fin_wait_2 * 2);
    host_[0].vanish();
    host_[1].vanish();
    run_until(now_ + kDays);
}

Outcome World::run() {
    while (judge_.verdict().empty() && (step_at_ != Instant::never() || next_forgery_ < forgeries_.size()))
        run_until(next_event());
    run_until(now_);
    wind_up();
    if (judge_.verdict().empty()) judge_.ended(now_);
    return {judge_.verdict(),
            judge_.tally(),
            {link_[0].sent(), link_[1].sent(), link_[2].sent(), link_[3].sent()}};
}

Outcome live(const Life& life, std::ostream* trace) {
    return World(life, trace).run();
}

}  // namespace finwait::sim
