// Capture files that are broken, and those of the other format.

#include "replay/support.hpp"

namespace finwait::replay::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

/// A block of pcapng: type, length, body padded to 32 bits, length again.
Bytes block(std::uint32_t type, Bytes body) {
    body.resize((body.size() + 3) / 4 * 4);
    const Bytes length = little(static_cast<std::uint32_t>(body.size() + 12), 4);
    return little(type, 4) + length + body + length;
}

Bytes pcapng_head(std::uint32_t link_type) {
    return block(0x0A0D0D0A, little(0x1A2B3C4D, 4) + little(1, 2) + little(0, 2) + Bytes(8, 0xFF)) +
           block(1, little(link_type, 2) + zeros(2) + little(65535, 4));
}

Bytes enhanced_packet(std::uint32_t microseconds, const Bytes& frame) {
    const Bytes length = little(static_cast<std::uint32_t>(frame.size()), 4);
    return block(6, zeros(8) + little(microseconds, 4) + length + length + frame);
}

TEST(Captures, PcapngIsRead) {
    const TemporaryFile file(pcapng_head(link::ethernet));
    std::uint32_t t = 0;
    for (const Bytes& packet : Hosts{}.half_closed())
        file.append(enhanced_packet(t += 250'000, ethernet(packet)));
    const Replayed replayed(file.path());
    EXPECT_EQ(replayed.problem, "");
    EXPECT_THAT(replayed.ends(), ElementsAre("fin-wait-2/close-wait closer client"));
    EXPECT_DOUBLE_EQ(seconds(replayed.replay.end()), 1);
}

TEST(Captures, WhatWasReadBeforeACutInMidPacketIsKept) {
    const PcapFile file(link::raw);
    for (const Bytes& packet : Hosts{}.half_closed())
        file.add(0, packet);
    file.append(PcapFile::head(1, 40, 40) + zeros(7));
    const Replayed replayed(file.path());
    EXPECT_THAT(replayed.ends(), ElementsAre("fin-wait-2/close-wait closer client"));
    EXPECT_THAT(replayed.problem, StartsWith("packet 6: "));
}

TEST(Captures, ACutWithinARecordsHeaderNamesThePacket) {
    const PcapFile file(link::raw);
    file.add(0, Hosts{}.from_client(syn(1000)));
    file.append(zeros(9));
    const Replayed replayed(file.path());
    EXPECT_THAT(replayed.ends(), ElementsAre("syn-sent/closed"));
    EXPECT_THAT(replayed.problem, StartsWith("packet 2: "));
}

TEST(Captures, AnAbsurdLengthNamesThePacket) {
    const PcapFile file(link::raw);
    file.add(0, Hosts{}.from_client(syn(1000)));
    file.append(PcapFile::head(1, 0x7FFFFFFF, 0x7FFFFFFF) + zeros(64));
    const Replayed replayed(file.path());
    EXPECT_THAT(replayed.ends(), ElementsAre("syn-sent/closed"));
    EXPECT_THAT(replayed.problem, StartsWith("packet 2: "));
}

TEST(Captures, ABrokenPcapngBlockNamesThePacket) {
    const TemporaryFile file(pcapng_head(link::raw));
    file.append(enhanced_packet(0, Hosts{}.from_client(syn(1000))));
    file.append(little(6, 4) + little(13, 4) + zeros(40));
    const Replayed replayed(file.path());
    EXPECT_THAT(replayed.ends(), ElementsAre("syn-sent/closed"));
    EXPECT_THAT(replayed.problem, StartsWith("packet 2: "));
}

TEST(Captures, WhatIsNoCaptureSaysSo) {
    const TemporaryFile text(Bytes(1000, 'x'));
    EXPECT_THAT(Replayed(text.path()).problem, HasSubstr("not a pcap or pcapng capture"));
    const TemporaryFile empty;
    EXPECT_THAT(Replayed(empty.path()).problem, HasSubstr("not a pcap or pcapng capture"));
    EXPECT_THAT(Replayed("/nonexistent/x.pcap").problem, HasSubstr("No such file"));
    EXPECT_THAT(Replayed("/").problem, HasSubstr("directory"));
}

TEST(Captures, ACaptureWithoutPacketsHasNoFlows) {
    const PcapFile file(link::ethernet);
    const Replayed replayed(file.path());
    EXPECT_EQ(replayed.problem, "");
    EXPECT_THAT(replayed.ends(), IsEmpty());
}

TEST(Captures, RandomBytesInFramesChangeNothingAndAreCounted) {
    const PcapFile file(link::ethernet);
    std::uint32_t random = 1;
    const auto next = [&random] { return random = random * 1664525U + 1013904223U; };
    constexpr std::size_t kFrames = 5000;
    for (std::size_t i = 0; i < kFrames; ++i) {
        Bytes frame(next() >> 24U);
        for (std::uint8_t& byte : frame)
            byte = static_cast<std::uint8_t>(next() >> 24U);
        if (frame.size() > 14) frame[12] = 0x08, frame[13] = 0x00;
        file.add(0, frame);
    }
    const Replayed replayed(file.path());
    EXPECT_EQ(replayed.problem, "");
    const Counts counts = replayed.replay.counts();
    EXPECT_EQ(counts.tcp + counts.not_tcp() + counts.refused(), kFrames);
}

}  // namespace
}  // namespace finwait::replay::testing
