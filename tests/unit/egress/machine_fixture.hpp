// A dialogue with the egress: an order or an answer in, actions out. One flow between a client behind NAT,
// which knows the server by another address, and that server, which knows the client by the gateway's.
#pragma once

#include "egress/machine.hpp"

#include <ostream>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace finwait::egress {

inline void PrintTo(const Action& action, std::ostream* out) {
    *out << text(action);
}

class MachineTest : public testing::Test {
  protected:
    static constexpr Instant kNow{std::chrono::hours(1)};
    static constexpr std::uint32_t kMark = 0x80;
    static constexpr engine::FlowId kFlow{1, 1};

    MachineTest() { machine.translate(); }

    static tcp::Endpoint at(std::string_view address, std::uint16_t port) {
        return {*tcp::Address::parse(address), port};
    }

    /// To the server in the client's name.
    [[nodiscard]] engine::Send order(std::uint8_t flags) const {
        engine::Send send;
        send.segment.source = client;
        send.segment.destination = server;
        send.segment.flags = flags;
        send.flow = kFlow;
        send.half_closed = true;
        send.last_seen = kNow - std::chrono::minutes(5);
        return send;
    }
    [[nodiscard]] engine::Send probe() const { return order(tcp::flag::ack); }
    [[nodiscard]] engine::Send reset() const { return order(tcp::flag::rst | tcp::flag::ack); }

    /// The flow's entry: marked, and its FIN has passed.
    [[nodiscard]] flow::Translation entry() const {
        flow::Translation t{{client, gateway}, {server, service}};
        t.entry = 7;
        t.mark = kMark;
        return t;
    }
    [[nodiscard]] Action find() const { return FindEntry{client, server}; }
    [[nodiscard]] Action read() const { return ReadEntry{entry()}; }
    [[nodiscard]] Action scan() const { return ScanTable{client, server}; }
    /// It leaves with the source that the server knows.
    [[nodiscard]] Action translated(const engine::Send& send) const {
        tcp::Segment s = send.segment;
        s.source = gateway;
        return Transmit{{s, client}, Path::untracked};
    }
    [[nodiscard]] static Action as_shown(const engine::Send& send, Path path = Path::untracked) {
        return Transmit{{send.segment, send.segment.source}, path};
    }
    [[nodiscard]] static Action unsent(const engine::Send& send, bool just_made = true) {
        return engine::Unsent{send.segment, just_made};
    }
    [[nodiscard]] static Action held() { return engine::Held{kFlow}; }
    [[nodiscard]] static Action gap() { return engine::Gap{kFlow}; }

    using All = std::vector<Action>;
    static All all(Machine::Actions actions) { return {actions.begin(), actions.end()}; }
    All send(const engine::Send& order) { return all(machine.send(kNow, order)); }
    All answer(const Answer& answer) { return all(machine.resume(kNow, answer)); }
    /// What a search has found of the flow, if anything.
    All release(const std::optional<flow::Translation>& found, bool failed = false) {
        wanted = {{{std::min(client, server), std::max(client, server)}, found}};
        return all(machine.release(kNow, wanted, failed));
    }
    All release_next(bool failed = false) { return all(machine.release(kNow, wanted, failed)); }

    /// The flow's names are known from now on.
    void learn() {
        static_cast<void>(machine.send(kNow, probe()));
        static_cast<void>(machine.resume(kNow, entry()));
        ASSERT_FALSE(machine.asks());
        static_cast<void>(machine.end_burst(kNow));
    }

    const tcp::Endpoint client = at("10.0.0.1", 1000);
    const tcp::Endpoint gateway = at("198.51.100.1", 2000);
    const tcp::Endpoint server = at("10.0.1.1", 80);
    const tcp::Endpoint service = at("203.0.113.1", 80);
    Machine machine;
    Wanted wanted;
};

}  // namespace finwait::egress
