#include "flow/table.hpp"

#include <map>
#include <random>

#include <gtest/gtest.h>

namespace finwait::flow {
namespace {

Key key(std::uint32_t n, bool v6 = false) {
    std::array<std::uint8_t, 4> a{10, 0, static_cast<std::uint8_t>(n >> 24U),
                                  static_cast<std::uint8_t>(n >> 16U)};
    std::array<std::uint8_t, 16> a6{0xfd, 0};
    a6[15] = static_cast<std::uint8_t>(n >> 16U);
    tcp::Segment s;
    s.source = {v6 ? tcp::Address::v6(a6) : tcp::Address::v4(a), static_cast<std::uint16_t>(n)};
    a[1] = a6[1] = 1;
    s.destination = {v6 ? tcp::Address::v6(a6) : tcp::Address::v4(a), 80};
    return Key::of(s);
}

TEST(Key, BothDirectionsHaveTheSameKey) {
    tcp::Segment there;
    there.source = {*tcp::Address::parse("10.0.0.1"), 1234};
    there.destination = {*tcp::Address::parse("10.0.0.2"), 80};
    tcp::Segment back;
    back.source = there.destination;
    back.destination = there.source;
    EXPECT_EQ(Key::of(there), Key::of(back));
}

TEST(Key, TheHashDependsOnTheSecret) {
    EXPECT_NE(hash({1, 2}, key(7)), hash({1, 3}, key(7)));
    EXPECT_NE(hash({1, 2}, key(7)), hash({1, 2}, key(8)));
    EXPECT_NE(hash({1, 2}, key(7)), hash({1, 2}, key(7, true)));
}

TEST(Table, AFullTableRefusesAndAnErasedSlotIsUsedAgainUnderAnotherGeneration) {
    Table table(3, {});
    const std::uint32_t first = table.insert(key(1));
    const std::uint32_t generation = table[first].generation;
    EXPECT_NE(table.insert(key(2)), kNoSlot);
    EXPECT_NE(table.insert(key(3)), kNoSlot);
    EXPECT_EQ(table.insert(key(4)), kNoSlot);
    table.erase(first);
    EXPECT_EQ(table.find(key(1)), kNoSlot);
    const std::uint32_t again = table.insert(key(4));
    EXPECT_EQ(again, first);
    EXPECT_EQ(table[again].generation, generation + 1);
}

TEST(Table, AShelfGivesTheOldestFirst) {
    Table table(5, {});
    const auto a = table.insert(key(1));
    const auto b = table.insert(key(2));
    const auto c = table.insert(key(3));
    for (const auto slot : {a, b, c})
        table.shelve(slot, Shelf::provisional);
    EXPECT_EQ(table.oldest(Shelf::provisional), a);
    table.shelve(a, Shelf::none);
    EXPECT_EQ(table.oldest(Shelf::provisional), b);
    table.shelve(b, Shelf::finished);
    EXPECT_EQ(table.oldest(Shelf::provisional), c);
    EXPECT_EQ(table.oldest(Shelf::finished), b);
    table.erase(c);
    EXPECT_EQ(table.oldest(Shelf::provisional), kNoSlot);
}

TEST(Table, AgreesWithAMapOverARandomLife) {
    std::mt19937 source(2);
    const auto random = [&source] { return static_cast<std::uint32_t>(source()); };
    Table table(500, {11, 22});
    std::map<std::uint32_t, std::uint32_t> model;
    for (int i = 0; i < 200'000; ++i) {
        const std::uint32_t n = random() % 1000;
        const bool v6 = n % 3 == 0;
        const auto found = model.find(n);
        if (found != model.end() && random() % 2 == 0) {
            table.erase(found->second);
            model.erase(found);
        } else if (found == model.end()) {
            const std::uint32_t slot = table.insert(key(n, v6));
            ASSERT_EQ(slot == kNoSlot, model.size() == 500);
            if (slot != kNoSlot) model[n] = slot;
        }
        const std::uint32_t probe = random() % 1000;
        const auto expected = model.find(probe);
        ASSERT_EQ(table.find(key(probe, probe % 3 == 0)),
                  expected == model.end() ? kNoSlot : expected->second);
        ASSERT_EQ(table.size(), model.size());
    }
}

Record established(const Key& key) {
    Record r;
    r.key = key;
    for (tcp::Side& side : r.connection.side) {
        side.state = tcp::State::established;
        side.syn_seen = true;
        side.next_basis = tcp::Basis::proven;
        side.ack_basis = tcp::Basis::heard;
        side.max_window = 1;
    }
    return r;
}

TEST(Table, FlowsAtRestGiveTheirRecordsBackAndKeepWhatTheyKnow) {
    Table table(300, {11, 22}, 0);
    std::map<std::uint32_t, std::uint32_t> numbers;
    for (std::uint32_t n = 0; n < 300; ++n) {
        const std::uint32_t slot = table.insert(key(n, n % 2 == 0));
        Record& record = table[slot];
        const std::uint32_t generation = record.generation;
        record = established(key(n, n % 2 == 0));
        record.generation = generation;
        record.policy = static_cast<std::uint8_t>(n % 7);
        record.connection.side[1].next = tcp::Seq(n);
        table.lay_down(slot);
        numbers[slot] = n;
    }
    EXPECT_EQ(table.full_records(), 0U);
    for (const auto& [slot, n] : numbers) {
        const Record record = table.look(slot);
        EXPECT_EQ(record.key, key(n, n % 2 == 0));
        EXPECT_EQ(record.policy, n % 7);
        EXPECT_EQ(record.connection.side[1].next, tcp::Seq(n));
        EXPECT_EQ(record.generation, table.generation(slot));
        EXPECT_EQ(table.find(record.key), slot);
    }
    EXPECT_EQ(table.full_records(), 0U) << "looking wakes nobody";
    EXPECT_EQ(table[5].connection.side[1].next, tcp::Seq(numbers[5]));
    EXPECT_EQ(table.full_records(), 1U);
    table.erase(5);
    table.erase(6);
    EXPECT_EQ(table.full_records(), 0U);
}

TEST(Table, ThoseThatWereBusyLatelyKeepTheirRecords) {
    Table table(100, {}, 10);
    for (std::uint32_t n = 0; n < 100; ++n) {
        const std::uint32_t slot = table.insert(key(n));
        table[slot] = established(key(n));
        table.lay_down(slot);
        table.lay_down(slot);
        EXPECT_EQ(table.full_records(), std::min(n + 1, 10U));
    }
    table.erase(95);
    EXPECT_EQ(table.full_records(), 9U);
    const std::uint32_t another = table.insert(key(200));
    ASSERT_EQ(another, 95U);
    table.lay_down(another);
    for (const std::uint32_t slot : {90U, 91U, 92U})
        table.lay_down(slot);
    EXPECT_EQ(table.full_records(), 10U);
    EXPECT_EQ(table.look(95).key, key(200));
}

TEST(Table, AFlowOnAShelfIsNotLaidDown) {
    Table table(3, {}, 0);
    const std::uint32_t slot = table.insert(key(1));
    table[slot].connection = established(key(1)).connection;
    table.shelve(slot, Shelf::provisional);
    table.lay_down(slot);
    EXPECT_EQ(table.full_records(), 1U);
    table.shelve(slot, Shelf::none);
    table.lay_down(slot);
    EXPECT_EQ(table.full_records(), 0U);
    table.shelve(slot, Shelf::finished);
    EXPECT_EQ(table.oldest(Shelf::finished), slot);
    EXPECT_EQ(table.full_records(), 1U);
}

TEST(Table, ARecordGoesBackToItsSlotAndFreshNamesBeginAboveAllThereWere) {
    Table table(10, {11, 22});
    table.begin_after(7);
    EXPECT_TRUE(table.insert_at(2, 5, key(1)));
    EXPECT_FALSE(table.insert_at(2, 5, key(2))) << "the slot is taken";
    EXPECT_FALSE(table.insert_at(1, 5, key(2))) << "slots come in ascending order";
    EXPECT_FALSE(table.insert_at(3, 5, key(1))) << "the key is there already";
    EXPECT_FALSE(table.insert_at(10, 5, key(2))) << "beyond the limit";
    EXPECT_TRUE(table.insert_at(4, 7, key(2)));
    EXPECT_EQ(table.find(key(1)), 2U);
    EXPECT_EQ(table[4].generation, 7U);
    EXPECT_EQ(table.size(), 2U);
    for (std::uint32_t n = 10; n < 18; ++n) {
        const std::uint32_t slot = table.insert(key(n));
        ASSERT_NE(slot, kNoSlot);
        EXPECT_EQ(table[slot].generation, 8U);
    }
    EXPECT_EQ(table.insert(key(99)), kNoSlot);
    table.erase(2);
    EXPECT_EQ(table[table.insert(key(1))].generation, 8U);
    EXPECT_EQ(table.generations(), 8U);
}

}  // namespace
}  // namespace finwait::flow
