// An engine, a clock and two hosts for tests: who says what, when, and what the engine makes of it.
#pragma once

#include "engine/engine.hpp"
#include "support/dialogue.hpp"

#include <array>
#include <string>
#include <vector>

namespace finwait::engine::testing {

using namespace tcp::testing;  // the segments' short names
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class Path {
  public:
    explicit Path(Options options = {}) : engine(std::move(options)) {}

    /// Another port of the client.
    void use_port(std::uint16_t port) { client_.port = port; }

    /// Another pair of hosts.
    void use_hosts(std::string_view client, std::string_view server) {
        client_.address = *tcp::Address::parse(client);
        server_.address = *tcp::Address::parse(server);
    }

    /// From now on the server, or the client, is a socket of the machine that the engine runs on.
    void server_is_here() { ways_ = {Way::arriving, Way::leaving}; }
    void client_is_here() { ways_ = {Way::leaving, Way::arriving}; }
    /// That machine's answer, instead of one from the wire.
    void word(tcp::Role role, flow::Evidence word) {
        engine.on_socket_state(now, flow().id, role == tcp::Role::client ? client_ : server_, word);
        tick();
    }

    Verdict client(tcp::Segment s) { return pass(s, client_, server_, ways_[0]); }
    Verdict server(tcp::Segment s) { return pass(s, server_, client_, ways_[1]); }

    void handshake() {
        client(syn(1000));
        server(syn_ack(5000, 1001));
        client(ack(1001, 5001));
    }
    void client_half_closed() {
        handshake();
        client(fin(1001, 5001));
        server(ack(5001, 1002));
    }

    void server_half_closed() {
        handshake();
        server(fin(5001, 1001));
        client(ack(1001, 5002));
    }

    /// Lets time pass, waking the engine whenever it wants to be.
    void wait(Duration d) {
        const Instant until = now + d;
        while (engine.next_deadline() <= until) {
            now = std::max(now, engine.next_deadline());
            tick();
        }
        now = until;
        tick();
    }

    /// The RSTs that were sent, and the probes.
    [[nodiscard]] std::vector<tcp::Segment> resets() const { return sent(true); }
    [[nodiscard]] std::vector<tcp::Segment> probes() const { return sent(false); }
    [[nodiscard]] std::vector<Send> sends() const {
        std::vector<Send> out;
        for (const Action& a : actions)
            if (const auto* send = std::get_if<Send>(&a)) out.push_back(*send);
        return out;
    }
    [[nodiscard]] std::vector<EventType> events() const {
        std::vector<EventType> out;
        for (const Action& a : actions)
            if (const auto* event = std::get_if<Event>(&a)) out.push_back(event->type);
        return out;
    }
    [[nodiscard]] std::vector<FlowReport> flows(const std::string& filter = "") const {
        std::vector<FlowReport> out;
        const auto parsed = policy::Filter::parse(filter);
        std::optional<std::uint32_t> cursor = 0;
        while (cursor)
            cursor = engine.visit(now, *cursor, 16, std::get<policy::Filter>(parsed), out);
        return out;
    }
    [[nodiscard]] FlowReport flow() const {
        const auto all = flows();
        EXPECT_EQ(all.size(), 1U);
        return all.empty() ? FlowReport{} : all.front();
    }

    Engine engine;
    Instant now{seconds(1000)};
    Actions actions;

  private:
    [[nodiscard]] std::vector<tcp::Segment> sent(bool rst) const {
        std::vector<tcp::Segment> out;
        for (const Send& send : sends())
            if (send.segment.any(tcp::flag::rst) == rst) out.push_back(send.segment);
        return out;
    }
    Verdict pass(tcp::Segment s, const tcp::Endpoint& from, const tcp::Endpoint& to, Way way) {
        s.source = from;
        s.destination = to;
        const Verdict verdict = engine.on_segment(now, s, way);
        tick();
        return verdict;
    }
    void tick() {
        Actions fresh;
        engine.on_tick(now, fresh);
        actions.insert(actions.end(), fresh.begin(), fresh.end());
    }

    std::array<Way, 2> ways_{Way::forwarded, Way::forwarded};
    tcp::Endpoint client_{*tcp::Address::parse("10.99.1.2"), 40000};
    tcp::Endpoint server_{*tcp::Address::parse("10.99.2.2"), 80};
};

/// Every packet is seen, nothing is released.
inline Options all_packets() {
    Options options;
    options.max_flows = 1000;
    options.awake = 0;  // an established flow is at rest between its segments
    options.selective = false;
    return options;
}
inline Options selective() {
    Options options = all_packets();
    options.selective = true;
    return options;
}

/// Asks after three seconds, three times every two.
inline Options asking(policy::Timeouts t = {}) {
    t.fin_wait_2 = seconds(3);
    t.on_expiry = policy::OnExpiry::probe;
    t.probe_interval = seconds(2);
    t.probe_attempts = 3;
    Options options = all_packets();
    options.tuning.policies = policy::PolicySet({}, t);
    return options;
}

/// The client has closed; the probes of both sides are out.
inline Path asked(policy::Timeouts t = {}) {
    Path path(asking(t));
    path.client_half_closed();
    path.wait(milliseconds(3100));
    return path;
}

}  // namespace finwait::engine::testing
