// Which packets are let go by unseen, and that it is told once.
#include "shard/aside.hpp"

#include <vector>

#include <gmock/gmock.h>

namespace finwait::shard {
namespace {

netfilter::QueuedPacket packet(std::uint32_t in, std::uint32_t out) {
    netfilter::QueuedPacket packet;
    packet.in = in;
    packet.out = out;
    return packet;
}

tcp::Segment segment(std::uint16_t from, std::uint16_t to) {
    tcp::Segment segment;
    segment.source.port = from;
    segment.destination.port = to;
    return segment;
}

machine::Detours detours() {
    machine::Detours d;
    d.vrf = {4, 9};
    d.ruled = {7};
    d.ports = {{80, 90}, {443, 443}};
    return d;
}

TEST(Aside, NothingIsWithoutAReason) {
    Aside aside;
    const tcp::Segment any = segment(4, 9);
    EXPECT_EQ(aside.check(packet(4, 9), &any), Reason::none);
    aside.avoid(detours());
    EXPECT_EQ(aside.check(packet(1, 2), &any), Reason::none);
    EXPECT_EQ(aside.check(packet(0, 0), nullptr), Reason::none);
}

TEST(Aside, AreBridgedPacketsAndThoseOfVrfsAndRuledInterfacesInEitherDirection) {
    Aside aside;
    aside.avoid(detours());
    netfilter::QueuedPacket bridged = packet(1, 1);
    bridged.bridged = true;
    EXPECT_EQ(aside.check(bridged, nullptr), Reason::bridged);
    for (const std::uint32_t vrf : {4U, 9U}) {
        EXPECT_EQ(aside.check(packet(vrf, 1), nullptr), Reason::vrf);
        EXPECT_EQ(aside.check(packet(1, vrf), nullptr), Reason::vrf);
    }
    EXPECT_EQ(aside.check(packet(7, 1), nullptr), Reason::rule);
    EXPECT_EQ(aside.check(packet(1, 7), nullptr), Reason::rule);
    EXPECT_EQ(aside.count(Reason::bridged), 1U);
    EXPECT_EQ(aside.count(Reason::vrf), 4U);
    EXPECT_EQ(aside.count(Reason::rule), 2U);
}

TEST(Aside, AreConnectionsWhosePortsARuleChoosesByInEitherDirection) {
    Aside aside;
    aside.avoid(detours());
    for (const auto& [port, reason] : {std::pair<std::uint16_t, Reason>{79, Reason::none},
                                       {80, Reason::rule},
                                       {90, Reason::rule},
                                       {91, Reason::none},
                                       {443, Reason::rule}}) {
        const tcp::Segment there = segment(5000, port);
        const tcp::Segment back = segment(port, 5000);
        EXPECT_EQ(aside.check(packet(1, 2), &there), reason) << port;
        EXPECT_EQ(aside.check(packet(2, 1), &back), reason) << port;
    }
}

TEST(Aside, EachReasonIsToldOnceWithWhatToDo) {
    Aside aside;
    std::vector<Reason> told;
    aside.tell([&told](Reason reason) { told.push_back(reason); });
    aside.avoid(detours());
    for (int i = 0; i < 3; ++i) {
        static_cast<void>(aside.check(packet(4, 1), nullptr));
        static_cast<void>(aside.check(packet(7, 1), nullptr));
        static_cast<void>(aside.check(packet(1, 2), nullptr));
    }
    EXPECT_THAT(told, testing::ElementsAre(Reason::vrf, Reason::rule));
    for (const Reason reason : {Reason::bridged, Reason::vrf, Reason::rule})
        EXPECT_THAT(std::string(explanation(reason)), testing::HasSubstr("are forwarded and left alone"));
}

}  // namespace
}  // namespace finwait::shard
