#include "machine/conntrack_clock.hpp"

#include <fstream>
#include <unistd.h>

#include <gmock/gmock.h>

namespace finwait::machine {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Clock : public ::testing::Test {
  protected:
    Clock() : root(fs::temp_directory_path() / ("finwait-clock-" + std::to_string(::getpid()))) {
        fs::create_directories(root / "sys/net/netfilter");
        settings.conntrack.manage_timeouts = true;
    }
    ~Clock() override { fs::remove_all(root); }

    [[nodiscard]] fs::path file(const std::string& state) const {
        return root / "sys/net/netfilter" / ("nf_conntrack_tcp_timeout_" + state);
    }
    void put(const std::string& state, int value) const { std::ofstream(file(state)) << value << '\n'; }
    [[nodiscard]] int value(const std::string& state) const {
        int v = -1;
        std::ifstream(file(state)) >> v;
        return v;
    }

    fs::path root;
    config::Settings settings;  // needs 5m and five probes at 15s: 375 s
};

TEST_F(Clock, IsRaisedWhereItIsTooShortAndPutBackInTheEnd) {
    put("close_wait", 60);
    put("fin_wait", 120);
    put("last_ack", 400);
    {
        ConntrackClock clock(root);
        EXPECT_THAT(clock.fit(settings), SizeIs(2));
        EXPECT_EQ(value("close_wait"), 435);
        EXPECT_EQ(value("fin_wait"), 435);
        EXPECT_EQ(value("last_ack"), 400);
    }
    EXPECT_EQ(value("close_wait"), 60);
    EXPECT_EQ(value("fin_wait"), 120);
}

TEST_F(Clock, ItsTimeForEstablishedConnectionsIsZeroWithoutConntrack) {
    EXPECT_EQ(established_timeout(root), std::chrono::seconds(0));
    put("established", 432'000);
    EXPECT_EQ(established_timeout(root), std::chrono::hours(120));
}

TEST_F(Clock, IsOnlyTalkedAboutUnlessItIsToBeManaged) {
    put("close_wait", 60);
    settings.conntrack.manage_timeouts = false;
    ConntrackClock clock(root);
    EXPECT_THAT(clock.fit(settings),
                ElementsAre(HasSubstr("sysctl -w net.netfilter.nf_conntrack_tcp_timeout_close_wait=435")));
    EXPECT_EQ(value("close_wait"), 60);
}

TEST_F(Clock, IsNoTroubleWhereEntriesAreKeptAliveUnlessItIsTooShortForThat) {
    put("close_wait", 60);
    put("last_ack", 2);
    settings.conntrack.manage_timeouts = false;
    ConntrackClock clock(root);
    EXPECT_THAT(clock.fit(settings, true),
                ElementsAre(HasSubstr("are kept alive one by one"), HasSubstr("sysctl -w")));
    EXPECT_EQ(shortest_timeout(root), std::chrono::seconds(2));
}

TEST_F(Clock, FollowsAReload) {
    put("close_wait", 60);
    ConntrackClock clock(root);
    EXPECT_THAT(clock.fit(settings), SizeIs(1));
    settings.timeouts.fin_wait_2 = std::chrono::seconds(10);
    settings.timeouts.probe_interval = std::chrono::seconds(1);
    EXPECT_THAT(clock.fit(settings), IsEmpty());
    EXPECT_EQ(value("close_wait"), 60);
}

TEST_F(Clock, LeavesAloneWhatSomebodyElseHasChangedMeanwhile) {
    put("close_wait", 60);
    {
        ConntrackClock clock(root);
        EXPECT_THAT(clock.fit(settings), SizeIs(1));
        put("close_wait", 3600);
    }
    EXPECT_EQ(value("close_wait"), 3600);
}

TEST_F(Clock, ThatIsNotThereNeedsNothing) {
    ConntrackClock clock(root);
    EXPECT_THAT(clock.fit(settings), IsEmpty());
}

TEST_F(Clock, ThatCannotBeRaisedIsSaidToBe) {
    // A small number that not even root may write.
    fs::create_symlink("/proc/sys/kernel/cap_last_cap", file("close_wait"));
    ConntrackClock clock(root);
    EXPECT_THAT(clock.fit(settings), ElementsAre(HasSubstr("could not be raised")));
}

}  // namespace
}  // namespace finwait::machine
