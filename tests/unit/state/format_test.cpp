#include "engine/snapshot.hpp"
#include "support.hpp"

#include <random>

namespace finwait::state::testing {
namespace {

TEST(StateFormat, TheChecksumIsCrc32c) {
    constexpr std::string_view kDigits = "123456789";
    const Octets octets(kDigits.begin(), kDigits.end());
    Checksum whole;
    whole.add(octets);
    EXPECT_EQ(whole.value(), 0xe3069283);  // the catalogue's check value
    Checksum parts;
    parts.add(OctetView(octets).first(4));
    parts.add(OctetView(octets).subspan(4));
    EXPECT_EQ(parts.value(), whole.value());
}

TEST(StateFormat, WhatIsWrittenIsRead) {
    const Octets file = encoded(2);
    const auto decoded = decode(file);
    ASSERT_EQ(refusal(file), "none");
    const auto& content = std::get<Content>(decoded);
    EXPECT_EQ(content.origin.boot, origin().boot);
    EXPECT_EQ(content.origin.wall, origin().wall);
    EXPECT_FALSE(mismatch(content.origin, origin()));
    ASSERT_EQ(content.batches.size(), 2U);
    EXPECT_EQ(content.batches[1].shard, 1);
    const Octets batch = batch_of(few_flows());
    EXPECT_TRUE(std::ranges::equal(content.batches[0].octets, batch));
}

TEST(StateFormat, AFileWithoutFlowsIsOneToo) {
    EXPECT_EQ(refusal(encoded(0)), "none");
}

TEST(StateFormat, AFileThatIsCutOffAnywhereIsRefused) {
    const Octets file = encoded();
    for (std::size_t length = 0; length < file.size(); ++length)
        EXPECT_NE(refusal(OctetView(file).first(length)), "none") << length;
}

TEST(StateFormat, AFileWithSomethingBehindItIsRefused) {
    Octets file = encoded();
    file.push_back(0);
    EXPECT_NE(refusal(file), "none");
}

TEST(StateFormat, EverySingleBitThatIsFlippedIsNoticed) {
    const Octets file = encoded();
    for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
        Octets flipped = file;
        flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
        EXPECT_NE(refusal(flipped), "none") << bit;
    }
}

TEST(StateFormat, RandomBytesAreRefused) {
    std::mt19937 random(7);
    const Octets whole = encoded();
    for (int i = 0; i < 5000; ++i) {
        Octets noise(random() % 2000);
        for (std::uint8_t& octet : noise)
            octet = static_cast<std::uint8_t>(random());
        const std::size_t kept = random() % 100;
        std::copy_n(whole.begin(), std::min(kept, noise.size()), noise.begin());
        EXPECT_NE(refusal(noise), "none");
    }
}

/// With a right checksum, as whoever can write the file can make one.
TEST(StateFormat, BytesThatMakeNoSenseAreRefusedWithARightChecksumToo) {
    std::mt19937 random(9);
    const Octets batch = batch_of(few_flows());
    int refused = 0;
    for (int i = 0; i < 2000; ++i) {
        Octets changed = batch;
        changed[random() % changed.size()] = static_cast<std::uint8_t>(random());
        Encoder encoder(origin());
        encoder.add(0, changed);
        encoder.finish();
        const std::string reason = refusal(encoder.buffer());
        if (reason == "none") continue;
        ++refused;
        EXPECT_EQ(reason, "it makes no sense, although its checksum is right");
    }
    EXPECT_GT(refused, 100);
}

TEST(StateFormat, AReasonTellsWhatIsWrong) {
    Octets file = encoded();
    EXPECT_EQ(refusal(OctetView(file).first(file.size() - 1)), "it is cut off or damaged");
    file[100] ^= 1;
    EXPECT_EQ(refusal(file), "it is damaged: its checksum is wrong");
    file[8] ^= 0x40;
    EXPECT_THAT(refusal(file), ::testing::StartsWith("another version of finwaitd wrote it (format "));
    file[0] = 'f';
    EXPECT_EQ(refusal(file), "it is not a state file of finwaitd");
}

}  // namespace
}  // namespace finwait::state::testing
