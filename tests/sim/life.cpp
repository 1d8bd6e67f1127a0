#include "life.hpp"

#include "random.hpp"

#include <algorithm>
#include <array>
#include <sstream>

namespace finwait::sim {

namespace {

EndpointOptions random_host(Random& r) {
    EndpointOptions o;
    o.stack = r.chance(65) ? Stack::linux : Stack::bsd;
    o.scale_offered = r.chance(80);
    o.scale = static_cast<std::uint8_t>(r.below(15));
    o.timestamps = r.chance(50);
    o.delayed_ack = r.chance(70);
    o.fin_with_data = r.chance(60);
    o.keepalive = r.chance(15);
    o.keepalive_garbage = o.stack == Stack::bsd && r.chance(50);
    o.keepalive_idle = ms(r.between(20'000, 75'000));
    static constexpr std::array<std::uint32_t, 4> kBuffers = {500, 2000, 65'535, 1'000'000};
    o.buffer = kBuffers[r.below(4)];
    // Scaling must leave a small buffer something to say.
    while (o.buffer >> o.scale < 4)
        --o.scale;
    o.first_iss = r.chance(50) ? r.bits() : UINT32_MAX - r.below(2000);
    o.retransmit = ms(r.between(200, 1000));
    o.retries = static_cast<int>(r.between(4, 8));
    if (r.chance(40)) o.close_after_eof = ms(r.chance(50) ? 0 : r.below(3000));
    return o;
}

Duration random_gap(Random& r, Duration fin_wait_2) {
    const std::uint32_t kind = r.below(100);
    if (kind < 40) return ms(r.below(30));
    if (kind < 80) return ms(r.below(3000));
    if (kind < 96) return ms(r.below(40'000));
    return fin_wait_2 + ms(r.below(20'000));
}

Act random_act(Random& r) {
    const std::uint32_t kind = r.below(100);
    if (kind < 50) return Act::write;
    if (kind < 62) return Act::shutdown;
    if (kind < 76) return Act::close;
    if (kind < 80) return Act::abort;
    if (kind < 84) return Act::stop_reading;
    if (kind < 90) return Act::read;
    if (kind < 92) return Act::crash;
    if (kind < 93) return Act::vanish;
    return Act::connect;
}

Step random_step(Random& r, Duration fin_wait_2) {
    Step s;
    s.after = random_gap(r, fin_wait_2);
    s.host = static_cast<std::uint8_t>(r.below(2));
    s.act = random_act(r);
    if (s.act == Act::write) s.bytes = r.chance(70) ? r.between(1, 300) : r.between(1, 2500);
    return s;
}

Fault random_fault(Random& r) {
    Fault f;
    f.hop = static_cast<std::uint8_t>(r.below(4));
    f.nth = static_cast<std::uint16_t>(r.chance(70) ? r.below(12) : r.below(50));
    const std::uint32_t kind = r.below(100);
    f.kind = kind < 50   ? FaultKind::lose
             : kind < 65 ? FaultKind::duplicate
             : kind < 85 ? FaultKind::delay
                         : FaultKind::swap;
    f.amount = ms(r.chance(80) ? r.below(600) : r.below(5000));
    return f;
}

Forgery random_forgery(Random& r) {
    namespace flag = tcp::flag;
    static constexpr std::array<std::uint8_t, 7> kFlags = {
        flag::fin | flag::ack, flag::rst, flag::rst | flag::ack, flag::syn, flag::syn | flag::ack,
        flag::psh | flag::ack, flag::ack};
    Forgery f;
    f.at = ms(r.chance(50) ? r.below(1000) : r.below(60'000));
    f.host = static_cast<std::uint8_t>(r.below(2));
    f.flags = kFlags[r.below(7)];
    f.length = (f.flags & flag::psh) != 0 ? r.between(1, 100) : 0;
    f.near = r.chance(40);
    f.seq = f.near ? r.between(1, 400) : r.bits();
    f.ack = r.bits();
    return f;
}

Forgery random_signed_forgery(Random& r) {
    namespace flag = tcp::flag;
    static constexpr std::array<std::uint8_t, 6> kFlags = {flag::fin | flag::ack, flag::rst,
                                                           flag::rst | flag::ack, flag::syn | flag::ack,
                                                           flag::psh | flag::ack, flag::ack};
    Forgery f;
    f.is_signed = true;
    f.at = ms(r.chance(70) ? r.below(2000) : r.below(60'000));
    f.host = static_cast<std::uint8_t>(r.below(2));
    f.flags = kFlags[r.below(6)];
    f.length = (f.flags & flag::psh) != 0 ? r.between(1, 100) : 0;
    return f;
}

void random_steps(Random& r, Life& life) {
    const bool server_listens = r.chance(95);
    life.host[1].listening = server_listens;
    life.host[0].listening = r.chance(10);
    life.steps.push_back({ms(0), 0, Act::connect, 0});
    if (r.chance(8)) life.steps.push_back({ms(r.below(60)), 1, Act::connect, 0});
    const std::uint32_t count = r.between(1, 10);
    for (std::uint32_t i = 0; i < count; ++i)
        life.steps.push_back(random_step(r, life.fin_wait_2));
    if (!r.chance(70)) return;
    for (const std::uint8_t host : {std::uint8_t{0}, std::uint8_t{1}})
        life.steps.push_back({random_gap(r, life.fin_wait_2), host, Act::close, 0});
    if (!r.chance(25)) return;
    // The same ports once more.
    life.steps.push_back({ms(r.chance(50) ? r.below(3000) : r.below(90'000)), 0, Act::connect, 0});
    for (std::uint32_t i = r.below(4); i > 0; --i)
        life.steps.push_back(random_step(r, life.fin_wait_2));
}

/// Nothing comes between the machine and a socket of its own.
void make_local(Life& life, std::uint8_t host) {
    if (life.host[host].stack != Stack::linux) return;
    life.gateway.local = host;
    for (const std::uint8_t hop : {before_observer(host), behind_observer(1U - host)}) {
        life.latency[hop] = ms(0);
        std::erase_if(life.faults, [hop](const Fault& f) { return f.hop == hop; });
    }
}

void random_gateway(Random& r, Life& life) {
    GatewayOptions& g = life.gateway;
    if (r.below(100) < 40) return;  // with a choice of 0, too
    g.asks_conntrack = r.chance(90);
    g.scan = ms(r.chance(70) ? r.between(5, 100) : r.between(100, 5000));
    if (r.chance(25)) g.failing = static_cast<std::uint8_t>(r.between(1, 6));
    const bool local = r.chance(30);
    if (r.chance(60) && !local && g.asks_conntrack) g.translated = {r.chance(70), r.chance(70)};
    g.misses_fin = r.chance(15);
    if (r.chance(3) && g.asks_conntrack) (r.chance(50) ? g.shares_ends : g.shifts_numbers) = true;
    // While the hosts still talk, or when they are long silent.
    const std::uint32_t lost = r.chance(80) ? r.between(100, 30'000) : r.between(30'000, 400'000);
    if (r.chance(25) && g.asks_conntrack) g.mark_lost = ms(lost);
    // What the kernel changes of a flow ends with the entry.
    const bool plain = !g.translated[0] && !g.translated[1] && !g.shares_ends && !g.shifts_numbers;
    g.flushes = r.chance(50) && plain;
    g.empty = r.chance(50);
    g.destroys = r.chance(80);
    if (local) make_local(life, static_cast<std::uint8_t>(r.below(2)));
}

void describe(std::ostream& out, const GatewayOptions& g) {
    if (g.asks_conntrack) out << "gateway: asks conntrack";
    if (!g.asks_conntrack && !g.local) return;
    if (!g.asks_conntrack) out << "gateway:";
    for (const std::size_t host : {0U, 1U})
        if (g.translated[host])
            out << ", translates "
                << "AB"[host];
    out << (g.misses_fin ? ", misses FINs" : "")
        << (g.shares_ends ? ", two connections share these ends" : "")
        << (g.shifts_numbers ? ", shifts numbers" : "");
    if (g.failing != 0) out << ", fails every " << int{g.failing};
    out << ", scans for " << g.scan / ms(1) << "ms";
    if (g.mark_lost) out << (g.flushes ? ", flushed at " : ", mark lost at ") << *g.mark_lost / ms(1) << "ms";
    if (g.empty) out << ", otherwise empty";
    if (g.local)
        out << ", "
            << "AB"[*g.local] << " is its own" << (g.destroys ? "" : " for good");
    out << '\n';
}

constexpr std::array<std::string_view, 9> kActs = {"connect",      "write", "shutdown", "close", "abort",
                                                   "stop reading", "read",  "crash",    "vanish"};
constexpr std::array<std::string_view, 4> kFaults = {"lose", "duplicate", "delay", "swap"};
constexpr std::array<std::string_view, 4> kHops = {"A to observer", "observer to B", "B to observer",
                                                   "observer to A"};

void describe(std::ostream& out, char name, const EndpointOptions& o) {
    out << name << ": " << (o.stack == Stack::linux ? "linux" : "bsd") << (o.listening ? " listening" : "")
        << (o.scale_offered ? " scale " + std::to_string(o.scale) : "") << " buffer " << o.buffer
        << (o.delayed_ack ? " delayed-ack" : "") << (o.fin_with_data ? " fin-with-data" : "")
        << (o.keepalive ? " keepalive " + std::to_string(o.keepalive_idle / ms(1)) + "ms" : "")
        << (o.keepalive_garbage ? " garbage" : "") << " iss " << o.first_iss << " rto "
        << o.retransmit / ms(1) << "ms retries " << o.retries;
    if (o.close_after_eof) out << " closes " << *o.close_after_eof / ms(1) << "ms after eof";
    out << '\n';
}

Life life_of(Random r, std::uint64_t seed, bool selective) {
    Life life;
    life.seed = seed;
    life.selective = selective;
    life.fin_wait_2 = std::chrono::seconds(r.between(60, 300));
    for (EndpointOptions& host : life.host)
        host = random_host(r);
    for (Duration& latency : life.latency)
        latency = ms(r.chance(50) ? r.between(1, 5) : r.between(1, 120));
    random_steps(r, life);
    const std::uint32_t faults = r.chance(25) ? 0 : r.chance(80) ? r.between(1, 6) : r.between(6, 30);
    for (std::uint32_t i = 0; i < faults; ++i)
        life.faults.push_back(random_fault(r));
    const std::uint32_t forgeries = r.chance(80) ? 0 : r.between(1, 6);
    for (std::uint32_t i = 0; i < forgeries; ++i)
        life.forgeries.push_back(random_forgery(r));
    const std::uint32_t signed_forgeries = r.chance(80) ? 0 : r.between(1, 4);
    for (std::uint32_t i = 0; i < signed_forgeries; ++i)
        life.forgeries.push_back(random_signed_forgery(r));
    random_gateway(r, life);
    return life;
}

}  // namespace

Life random_life(std::uint64_t seed, bool selective) {
    return life_of(Random(seed * 2 + (selective ? 1 : 0)), seed, selective);
}

Life chosen_life(std::span<const std::uint8_t> choices) {
    Random r(choices.first(std::min<std::size_t>(choices.size(), 2)));
    const std::uint64_t kind = r.below(8);
    return life_of(Random(choices.subspan(std::min<std::size_t>(choices.size(), 2))), kind / 2,
                   kind % 2 == 1);
}

std::string text(const Life& life) {
    std::ostringstream out;
    out << "seed " << life.seed << (life.selective ? " selective" : " all") << ", fin_wait_2 "
        << life.fin_wait_2 / ms(1000) << "s, latencies";
    for (const Duration d : life.latency)
        out << ' ' << d / ms(1);
    out << "ms\n";
    describe(out, 'A', life.host[0]);
    describe(out, 'B', life.host[1]);
    describe(out, life.gateway);
    for (const Step& s : life.steps)
        out << "  +" << s.after / ms(1) << "ms "
            << "AB"[s.host] << ' ' << kActs[static_cast<std::size_t>(s.act)] << ' ' << s.bytes << '\n';
    for (const Fault& f : life.faults)
        out << "  fault: " << kHops[f.hop] << ", packet " << f.nth << ": "
            << kFaults[static_cast<std::size_t>(f.kind)] << ' ' << f.amount / ms(1) << "ms\n";
    for (const Forgery& f : life.forgeries)
        out << "  forged at " << f.at / ms(1) << "ms to "
            << "AB"[f.host] << ": " << (f.is_signed ? "signed " : "") << tcp::flags_text(f.flags)
            << (f.near ? " near seq " : " seq ") << f.seq << " ack " << f.ack << " len " << f.length << '\n';
    return out.str();
}

}  // namespace finwait::sim
