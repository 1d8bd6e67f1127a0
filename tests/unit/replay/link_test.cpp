// Frames of every link type lead to the same flow.

#include "replay/link.hpp"

#include "replay/support.hpp"

namespace finwait::replay::testing {
namespace {

using ::testing::ElementsAre;

/// The half-closed conversation of `hosts`, each packet wrapped into a frame by `wrap`.
template<typename Wrap>
void expect_half_closed(std::uint32_t link_type, const Hosts& hosts, Wrap wrap) {
    const PcapFile file(link_type);
    double t = 0;
    for (const Bytes& packet : hosts.half_closed())
        file.add(t += 0.1, wrap(packet));
    const Replayed replayed(file.path());
    EXPECT_EQ(replayed.problem, "");
    EXPECT_THAT(replayed.ends(), ElementsAre("fin-wait-2/close-wait closer client"));
    EXPECT_EQ(replayed.replay.counts().tcp, 5U);
}

template<typename Wrap>
void expect_half_closed_by_both_families(std::uint32_t link_type, Wrap wrap) {
    expect_half_closed(link_type, Hosts{}, wrap);
    expect_half_closed(link_type, ipv6_hosts(), wrap);
}

std::uint32_t ether_type(const Bytes& packet) {
    return packet[0] >> 4U == 4 ? 0x0800 : 0x86DD;
}

TEST(Links, EthernetIsRead) {
    expect_half_closed_by_both_families(link::ethernet, ethernet);
}

TEST(Links, EthernetPaddingIsNotPayload) {
    expect_half_closed(link::ethernet, Hosts{},
                       [](const Bytes& packet) { return ethernet(packet) + zeros(6); });
}

TEST(Links, AVlanTagIsTakenOff) {
    expect_half_closed_by_both_families(
        link::ethernet, [](const Bytes& packet) { return with_tag(0x8100, ethernet(packet)); });
}

TEST(Links, TwoVlanTagsAreTakenOff) {
    expect_half_closed_by_both_families(link::ethernet, [](const Bytes& packet) {
        return with_tag(0x88A8, with_tag(0x8100, ethernet(packet)));
    });
}

TEST(Links, LinuxCookedV1IsRead) {
    expect_half_closed_by_both_families(
        link::cooked_v1, [](const Bytes& packet) { return zeros(14) + big(ether_type(packet), 2) + packet; });
}

TEST(Links, LinuxCookedV1WithAVlanTagIsRead) {
    expect_half_closed_by_both_families(link::cooked_v1, [](const Bytes& packet) {
        return zeros(14) + big(0x8100, 2) + big(7, 2) + big(ether_type(packet), 2) + packet;
    });
}

TEST(Links, LinuxCookedV2IsRead) {
    expect_half_closed_by_both_families(
        link::cooked_v2, [](const Bytes& packet) { return big(ether_type(packet), 2) + zeros(18) + packet; });
}

TEST(Links, LinuxCookedV2WithAVlanTagIsRead) {
    expect_half_closed_by_both_families(link::cooked_v2, [](const Bytes& packet) {
        return big(0x8100, 2) + zeros(18) + big(7, 2) + big(ether_type(packet), 2) + packet;
    });
}

TEST(Links, RawIpIsRead) {
    const auto bare = [](const Bytes& packet) { return packet; };
    expect_half_closed_by_both_families(link::raw, bare);
    expect_half_closed(link::ipv4, Hosts{}, bare);
    expect_half_closed(link::ipv6, ipv6_hosts(), bare);
}

TEST(Links, LoopbackIsReadInEitherByteOrder) {
    for (const std::uint32_t link_type : {link::null, link::loop}) {
        expect_half_closed(link_type, Hosts{}, [](const Bytes& packet) { return big(2, 4) + packet; });
        expect_half_closed(link_type, Hosts{}, [](const Bytes& packet) { return little(2, 4) + packet; });
    }
}

TEST(Links, LoopbackKnowsEverySystemsNumberForIpv6) {
    for (const std::uint32_t family : {10U, 24U, 28U, 30U}) {
        expect_half_closed(link::null, ipv6_hosts(),
                           [family](const Bytes& packet) { return little(family, 4) + packet; });
    }
}

TEST(Links, OtherProtocolsAreCountedAndPassedOver) {
    const PcapFile file(link::ethernet);
    const Hosts hosts;
    file.add(0, zeros(12) + big(0x0806, 2) + zeros(28));  // ARP
    Bytes udp = hosts.from_client(syn(1000));
    udp[9] = 17;
    file.add(0.1, ethernet(udp));
    for (const Bytes& packet : hosts.half_closed())
        file.add(0.2, ethernet(packet));
    const Replayed replayed(file.path());
    EXPECT_THAT(replayed.ends(), ElementsAre("fin-wait-2/close-wait closer client"));
    EXPECT_EQ(replayed.replay.counts().not_tcp(), 2U);
    EXPECT_EQ(replayed.replay.counts().refused(), 0U);
}

TEST(Links, FramesThatEndWithinTheirHeadersAreCounted) {
    for (const std::uint32_t link_type :
         {link::ethernet, link::cooked_v1, link::cooked_v2, link::null, link::raw}) {
        const PcapFile file(link_type);
        file.add(0, zeros(1));
        file.add(0, {});
        const Replayed replayed(file.path());
        EXPECT_EQ(replayed.problem, "");
        EXPECT_EQ(replayed.replay.counts().packets, 2U);
        EXPECT_EQ(replayed.replay.counts().refused() + replayed.replay.counts().not_tcp(), 2U);
    }
}

TEST(Links, AnUnknownLinkTypeIsCalledByItsName) {
    EXPECT_FALSE(is_known_link(105));
    EXPECT_THAT(link_text(105), ::testing::HasSubstr("IEEE802_11"));
    EXPECT_EQ(link_text(4711), "number 4711");
}

}  // namespace
}  // namespace finwait::replay::testing
