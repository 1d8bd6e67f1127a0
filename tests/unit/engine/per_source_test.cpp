// The limit on half-closed flows of one source: whom it concerns, who is asked before its time, and what that
// may end.
#include "support/crowd.hpp"

#include <memory_resource>
#include <new>
#include <string>
#include <vector>

#include <gmock/gmock.h>

namespace finwait::engine::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

Options per_source(std::uint32_t limit, policy::OnExpiry on_expiry = policy::OnExpiry::probe) {
    Options options = idle_after(seconds(1000), on_expiry);
    options.tuning.half_closed_per_source = limit;
    return options;
}

/// The client ports of the flows that are being asked.
std::vector<std::uint16_t> asked_ports(const Path& path) {
    std::vector<std::uint16_t> out;
    for (const FlowReport& flow : path.flows("phase probing"))
        out.push_back(flow.subject.client.port);
    return out;
}

TEST(PerSource, TheFlowWithoutProgressForLongestIsAskedBeforeItsTime) {
    Path path(per_source(3));
    half_close(path, 40'000, 3);
    path.wait(seconds(20));
    path.use_port(40'000);
    path.server(data(5001, 1002, 10));
    path.client(ack(1002, 5011));
    EXPECT_THAT(path.probes(), IsEmpty());
    half_close(path, 50'000, 1);
    path.wait(seconds(1));
    EXPECT_THAT(asked_ports(path), ElementsAre(40'001));
    EXPECT_EQ(path.engine.counters().crowded, 1U);
    EXPECT_EQ(path.engine.counters().expired, 0U) << "its time is not up";
}

TEST(PerSource, AFlowOfWhichBothSidesAnswerIsLeftUntilItsTime) {
    Path path(per_source(1));
    half_close(path, 40'000, 2);
    path.wait(seconds(11));
    ASSERT_THAT(asked_ports(path), ElementsAre(40'000));
    path.use_port(40'000);
    EXPECT_EQ(path.client(ack(1002, 5001)), Verdict::drop);
    EXPECT_EQ(path.server(ack(5001, 1002)), Verdict::drop);
    path.wait(seconds(2));
    EXPECT_THAT(path.events(), Contains(EventType::left));
    path.wait(seconds(900));
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_THAT(path.probes(), SizeIs(2));
}

TEST(PerSource, SilenceDoesNotCountBeforeAFlowsOwnTime) {
    Path path(per_source(1));
    half_close(path, 40'000, 2);
    path.wait(seconds(900));
    EXPECT_THAT(path.resets(), IsEmpty());
    path.wait(seconds(300));
    EXPECT_THAT(path.resets(), SizeIs(4)) << "asked at its own time, both flows are silent";
}

TEST(PerSource, WhatIsProvenToBeOverEnds) {
    Path path(per_source(1));
    half_close(path, 40'000, 2);
    path.wait(seconds(11));
    path.use_port(40'000);
    EXPECT_EQ(path.client(ack(1002, 5001)), Verdict::drop);
    EXPECT_EQ(path.server(rst(5001)), Verdict::accept) << "the closer shall have it";
    path.wait(seconds(1));
    path.client(rst(1002));
    path.wait(seconds(1));
    EXPECT_EQ(path.engine.counters().resets_confirmed, 1U);
}

TEST(PerSource, UnderARateLimitEachFlowIsAskedWhenItsTurnComes) {
    Options options = per_source(1);
    options.tuning.probes_per_second = 4;
    Path path(options);
    half_close(path, 40'000, 20);
    path.wait(seconds(60));
    EXPECT_EQ(path.engine.policy_counts()[0].asked, 19U);
    EXPECT_EQ(path.engine.counters().expired, 0U) << "before its time";
}

TEST(PerSource, NothingIsEndedUnaskedWhateverThePolicy) {
    Path path(per_source(3, policy::OnExpiry::reset));
    half_close(path, 40'000, 8);
    path.wait(seconds(900));
    EXPECT_THAT(path.resets(), IsEmpty());
    EXPECT_THAT(path.probes(), SizeIs(::testing::Ge(10U)));
}

TEST(PerSource, WhoOnlyObservesAsksNobody) {
    Path path(per_source(3, policy::OnExpiry::observe));
    half_close(path, 40'000, 8);
    path.wait(seconds(900));
    EXPECT_THAT(path.sends(), IsEmpty());
    EXPECT_THAT(path.events(), Not(Contains(EventType::would_reset)));
}

TEST(PerSource, FlowsThatAreNoLongerHalfClosedDoNotCount) {
    Path path(per_source(3));
    half_close(path, 40'000, 3);
    for (std::uint16_t port = 40'000; port < 40'003; ++port) {
        path.use_port(port);
        path.server(fin(5001, 1002));
        path.client(ack(1002, 5002));
    }
    half_close(path, 50'000, 3);
    path.wait(seconds(60));
    EXPECT_THAT(path.probes(), IsEmpty());
}

TEST(PerSource, AFlowInUseIsNotAsked) {
    Path path(per_source(1));
    half_close(path, 40'000, 2);
    path.use_port(40'000);
    std::uint32_t next = 5001;
    for (int i = 0; i < 100; ++i) {
        path.server(data(next, 1002, 10));
        next += 10;
        path.client(ack(1002, next));
        path.wait(seconds(2));
    }
    EXPECT_THAT(asked_ports(path), IsEmpty());
    EXPECT_THAT(path.probes(), IsEmpty());
}

TEST(PerSource, AFlowCountsForTheSideThatHasClosed) {
    Path path(per_source(10));
    half_close(path, 40'000, 1);  // the client waits for what the server has to say
    for (std::uint16_t port = 50'000; port < 50'020; ++port) {
        path.use_port(port);
        path.server_half_closed();
    }
    EXPECT_EQ(path.engine.counters().crowded, 10U);
    path.wait(seconds(11));
    EXPECT_THAT(asked_ports(path), SizeIs(10));
    EXPECT_THAT(asked_ports(path), Not(Contains(40'000)));
}

TEST(PerSource, APeerThatNeverClosesUsesUpItsOwnShareOnly) {
    Path path(per_source(10));
    half_close(path, 40'000, 2);
    path.use_hosts("10.99.1.2", "10.99.2.3");
    half_close(path, 50'000, 100);
    path.use_hosts("10.99.1.2", "10.99.2.2");
    half_close(path, 60'000, 2);
    path.wait(seconds(20));
    EXPECT_GE(path.engine.counters().crowded, 90U);
    EXPECT_THAT(path.flows("phase probing and server 10.99.2.2"), IsEmpty());
}

TEST(PerSource, OtherClientsOfAServerAreNotAskedForOneThatNeverCloses) {
    Path path(per_source(10));
    path.server_half_closed();
    path.use_hosts("10.99.1.3", "10.99.2.2");
    for (std::uint16_t port = 50'000; port < 50'100; ++port) {
        path.use_port(port);
        path.server_half_closed();
    }
    path.wait(seconds(20));
    EXPECT_GE(path.engine.counters().crowded, 90U);
    EXPECT_THAT(path.flows("phase probing and client 10.99.1.2"), IsEmpty());
}

TEST(PerSource, TheAddressesOfAnIPv6HostAreOneSource) {
    Path path(per_source(10));
    for (int i = 0; i < 100; ++i) {
        path.use_hosts("2001:db8:1::" + std::to_string(i + 1), "2001:db8:2::1");
        path.client_half_closed();
    }
    EXPECT_EQ(path.engine.counters().crowded, 90U);
    path.use_hosts("2001:db8:1:1::1", "2001:db8:2::1");
    path.client_half_closed();
    EXPECT_EQ(path.engine.counters().crowded, 90U) << "another /64";
}

TEST(PerSource, WhichAddressesAreOneSourceIsTheOperatorsToSay) {
    Options options = per_source(10);
    options.tuning.source_prefixes = {24, 128};
    Path path(options);
    for (int i = 0; i < 20; ++i) {
        path.use_hosts("2001:db8:1::" + std::to_string(i + 1), "2001:db8:2::1");
        path.client_half_closed();
    }
    EXPECT_EQ(path.engine.counters().crowded, 0U);
    for (int i = 0; i < 20; ++i) {
        path.use_hosts("10.99.1." + std::to_string(i + 1), "10.99.2.2");
        path.client_half_closed();
    }
    EXPECT_EQ(path.engine.counters().crowded, 10U);
}

TEST(PerSource, ALimitThatComesWithAReloadCountsWhatIsThere) {
    Options options = per_source(0);
    Path path(options);
    half_close(path, 40'000, 5);
    options.tuning.half_closed_per_source = 2;
    path.engine.tune(path.now, options.tuning);
    path.wait(seconds(11));
    EXPECT_THAT(asked_ports(path), ElementsAre(40'000, 40'001, 40'002));
}

TEST(PerSource, ALimitThatIsLoweredByAReloadIsKeptTooAndCountsNoFlowTwice) {
    Options options = per_source(4);
    Path path(options);
    half_close(path, 40'000, 5);
    options.tuning.half_closed_per_source = 2;
    path.engine.tune(path.now, options.tuning);
    path.wait(seconds(11));
    EXPECT_THAT(asked_ports(path), SizeIs(3));
    EXPECT_EQ(path.engine.counters().crowded, 3U);
}

/// Gives what is asked for until it is empty.
class Memory : public std::pmr::memory_resource {
  public:
    bool empty = false;

  private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        if (empty) throw std::bad_alloc();
        return std::pmr::new_delete_resource()->allocate(bytes, alignment);
    }
    void do_deallocate(void* from, std::size_t bytes, std::size_t alignment) override {
        std::pmr::new_delete_resource()->deallocate(from, bytes, alignment);
    }
    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
        return this == &other;
    }
};

TEST(PerSource, WithoutMemoryToCountByThereIsNoLimitAndThatIsCounted) {
    Memory memory;
    Options options = per_source(0);
    options.memory = &memory;
    Path path(options);
    half_close(path, 40'000, 5);
    memory.empty = true;
    options.tuning.half_closed_per_source = 2;
    path.engine.tune(path.now, options.tuning);
    half_close(path, 50'000, 5);
    path.wait(seconds(11));
    EXPECT_THAT(path.probes(), IsEmpty());
    EXPECT_EQ(path.engine.counters().memory_refused, 1U);
    memory.empty = false;
    path.engine.tune(path.now, options.tuning);
    path.wait(seconds(1));
    EXPECT_THAT(asked_ports(path), SizeIs(8)) << "the next reload finds memory";
}

/// The ids of the client count, but those of the answers of an orphan's record.
tcp::Segment with_id(tcp::Segment s, std::uint16_t id) {
    s.ip_id = id;
    return s;
}

TEST(PerSource, AnOrphanIsFoundBeforeItsTimeByItsSecondId) {
    Path path(per_source(1));
    path.handshake();
    path.client(with_id(fin(1001, 5001), 78));
    path.server(ack(5001, 1002));
    half_close(path, 50'000, 1);
    path.wait(seconds(11));
    ASSERT_THAT(asked_ports(path), ElementsAre(40'000));
    path.use_port(40'000);
    path.client(with_id(ack(1002, 5001), 0));
    path.server(ack(5001, 1002));
    path.wait(milliseconds(650));
    EXPECT_THAT(path.probes(), SizeIs(3)) << "the closer is asked for another id";
    EXPECT_THAT(path.resets(), IsEmpty());
    path.client(with_id(ack(1002, 5001), 0));
    path.wait(milliseconds(1100));
    EXPECT_THAT(path.resets(), SizeIs(2));
}

}  // namespace
}  // namespace finwait::engine::testing
