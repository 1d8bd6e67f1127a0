// What must make no difference: who is called client, congestion and urgent bits, odd options.
#include "support/dialogue.hpp"

#include <random>

namespace finwait::tcp::testing {
namespace {

TEST(Noise, EcnAndUrgentBitsChangeNothing) {
    Dialogue d;
    d.client(segment(flag::syn | 0xc0, 1000, 0));
    d.server(segment(flag::syn | flag::ack | 0x40, 5000, 1001));
    d.client(segment(flag::ack | 0x80, 1001, 5001));
    EXPECT_STATES(d, "established", "established");
    d.client(segment(flag::ack | flag::urg | 0x40, 1001, 5001, 10));
    d.client(segment(flag::fin | flag::ack | flag::urg, 1011, 5001));
    d.server(segment(flag::ack | 0x40, 5001, 1012));
    EXPECT_STATES(d, "fin-wait-2", "close-wait");
}

Segment random_segment(std::mt19937& random) {
    static constexpr std::uint8_t kFlags[] = {flag::syn, flag::syn | flag::ack, flag::ack,
                                              flag::ack, flag::ack | flag::psh, flag::fin | flag::ack,
                                              flag::rst, flag::rst | flag::ack, flag::fin};
    const auto pick = [&random](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
    Segment s = segment(kFlags[pick(9)], 998 + pick(8), 998 + pick(8), pick(3));
    s.window = static_cast<std::uint16_t>(pick(10));
    return s;
}

bool same(const Side& a, const Side& b) {
    return a.state == b.state && a.next == b.next && a.ack == b.ack && a.edge == b.edge &&
           a.fin_stage == b.fin_stage && a.next_basis == b.next_basis;
}

TEST(Noise, SwappingTheRolesSwapsTheSidesAndNothingElse) {
    std::mt19937 random(7);
    for (int life = 0; life < 20'000; ++life) {
        Dialogue there;
        Dialogue mirrored;
        for (int step = 0; step < 30; ++step) {
            const Segment s = random_segment(random);
            const bool from_client = random() % 2 == 0;
            const Outcome a = from_client ? there.client(s) : there.server(s);
            const Outcome b = from_client ? mirrored.server(s) : mirrored.client(s);
            ASSERT_EQ(a, b);
            ASSERT_TRUE(same(there.connection.side[0], mirrored.connection.side[1])) << "life " << life;
            ASSERT_TRUE(same(there.connection.side[1], mirrored.connection.side[0])) << "life " << life;
        }
    }
}

}  // namespace
}  // namespace finwait::tcp::testing
