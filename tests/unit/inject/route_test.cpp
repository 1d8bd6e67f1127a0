// By which device injected segments leave, where policy routing has more than one way to choose from.
#include "inject/support.hpp"
#include "support/own_namespace.hpp"

#include <cstdlib>

namespace finwait::inject::test {
namespace {

/// Mark 7 is routed by one device, what comes from 192.0.2.0/24 or 2001:db8::/64 by another, and all else by
/// a third one.
constexpr const char* kRoutes = R"(ip -batch - <<'END'
link add plain type veth peer name x
link add marked type veth peer name y
link add sourced type veth peer name z
link set plain up
link set marked up
link set sourced up
link set x up
link set y up
link set z up
addr add 10.1.0.1/24 dev plain
addr add 10.2.0.1/24 dev marked
addr add 10.3.0.1/24 dev sourced
addr add fd01::1/64 dev plain nodad
addr add fd02::1/64 dev marked nodad
addr add fd03::1/64 dev sourced nodad
neigh add 10.1.0.9 lladdr 02:00:00:00:00:01 dev plain
neigh add 10.2.0.9 lladdr 02:00:00:00:00:01 dev marked
neigh add 10.3.0.9 lladdr 02:00:00:00:00:01 dev sourced
neigh add fd01::9 lladdr 02:00:00:00:00:01 dev plain
neigh add fd02::9 lladdr 02:00:00:00:00:01 dev marked
neigh add fd03::9 lladdr 02:00:00:00:00:01 dev sourced
route add default via 10.1.0.9
route add default via 10.2.0.9 table 2
route add default via 10.3.0.9 table 3
route add default via fd01::9
route add default via fd02::9 table 2
route add default via fd03::9 table 3
rule add from 192.0.2.0/24 table 3
rule add fwmark 7 table 2
END
ip -6 rule add from 2001:db8::/64 table 3 && ip -6 rule add fwmark 7 table 2)";

class Route : public testing::TestWithParam<std::pair<const char*, const char*>> {
  protected:
    void SetUp() override { FINWAIT_NEEDS_ROOT("makes devices and routes in a namespace of its own"); }
};

/// How many packets have left by each of the three devices.
using Seen = std::array<std::size_t, 3>;

TEST_P(Route, IsTheOneOfTheSegmentsMarkOrOfItsOriginWhateverSourceItShows) {
    const auto [origin, to] = GetParam();
    EXPECT_EQ(finwait::test::in_own_namespace([&, origin = origin, to = to] {
                  ASSERT_EQ(std::system(kRoutes), 0) << "needs the tool ip";
                  Tap plain("plain");
                  Tap marked("marked");
                  Tap sourced("sourced");
                  Injector injector = open_injector();
                  const auto send = [&](std::uint32_t mark, const char* from) {
                      tcp::Segment segment =
                          reset(std::string(to).find(':') == std::string::npos ? "10.9.9.9" : "fd09::9", to);
                      segment.mark = mark;
                      injector.add(segment, *tcp::Address::parse(from));
                      injector.flush();
                      return Seen{plain.packets().size(), marked.packets().size(), sourced.packets().size()};
                  };
                  const char* const elsewhere =
                      std::string(to).find(':') == std::string::npos ? "10.8.8.8" : "fd08::8";
                  EXPECT_EQ(send(0, elsewhere), (Seen{1, 0, 0}));
                  EXPECT_EQ(send(7, elsewhere), (Seen{0, 1, 0}));
                  EXPECT_EQ(send(0, origin), (Seen{0, 0, 1}));
                  EXPECT_EQ(send(0, elsewhere), (Seen{1, 0, 0})) << "a mark is of one segment only";
                  EXPECT_EQ(injector.failed(), 0U);
              }),
              "");
}

INSTANTIATE_TEST_SUITE_P(BothVersions, Route,
                         testing::Values(std::pair("192.0.2.5", "198.51.100.1"),
                                         std::pair("2001:db8::5", "2001:db8:9::1")));

}  // namespace
}  // namespace finwait::inject::test
