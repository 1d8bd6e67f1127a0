#include "ctl/names.hpp"

#include "ctl/flow_table.hpp"
#include "ctl/support.hpp"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

#include <gmock/gmock.h>

namespace finwait::ctl::test {
namespace {

using namespace std::chrono_literals;

constexpr Names::Limits kFew{3, 2, 5s};

TEST(Names, EachAddressIsAskedForOnce) {
    const auto asked = std::make_shared<std::atomic<int>>(0);
    Names names(
        [asked](const std::string& address) {
            ++*asked;
            return address == "192.0.2.1" ? "one.example." : "";
        },
        kFew);
    names.find({"192.0.2.1", "192.0.2.2", "192.0.2.1"});
    names.find({"192.0.2.1"});
    EXPECT_EQ(*asked, 2);
    EXPECT_EQ(names.of("192.0.2.1"), "one.example");
    EXPECT_EQ(names.of("192.0.2.2"), "192.0.2.2");
    EXPECT_EQ(names.of("192.0.2.3"), "192.0.2.3") << "never asked for";
    EXPECT_EQ(names.left_out(), 0U);
}

TEST(Names, NoMoreAreAskedForThanTheLimitSays) {
    Names names([](const std::string&) { return "x"; }, kFew);
    names.find({"192.0.2.1", "192.0.2.2"});
    names.find({"192.0.2.3", "192.0.2.4", "192.0.2.5"});
    EXPECT_EQ(names.of("192.0.2.3"), "x");
    EXPECT_EQ(names.of("192.0.2.4"), "192.0.2.4");
    EXPECT_EQ(names.left_out(), 2U);
}

/// Holds back every answer until the test is over.
struct Gate {
    std::mutex mutex;
    std::condition_variable opened;
    bool open = false;

    void wait() {
        std::unique_lock lock(mutex);
        opened.wait(lock, [this] { return open; });
    }
    void let_go() {
        const std::lock_guard lock(mutex);
        open = true;
        opened.notify_all();
    }
};

TEST(Names, AResolverThatDoesNotAnswerIsNotWaitedForAnyLonger) {
    const auto gate = std::make_shared<Gate>();
    Names names(
        [gate](const std::string& address) {
            if (address != "192.0.2.1") gate->wait();
            return std::string("x");
        },
        {100, 4, 100ms});
    names.find({"192.0.2.2", "192.0.2.1", "192.0.2.3"});
    EXPECT_EQ(names.of("192.0.2.1"), "x");
    EXPECT_EQ(names.of("192.0.2.2"), "192.0.2.2");
    EXPECT_EQ(names.left_out(), 2U);
    names.find({"192.0.2.4"});
    EXPECT_EQ(names.left_out(), 3U) << "there is no patience left";
    gate->let_go();
}

TEST(Names, WhatIsNoHostNameIsNotShown) {
    EXPECT_TRUE(is_host_name("a-b_c.example"));
    for (const std::string& bad : {std::string(), std::string("\x1b[2Jx"), std::string("a b"),
                                   std::string("\u00e4"), std::string(254, 'x')})
        EXPECT_FALSE(is_host_name(bad)) << bad;
    Names names([](const std::string&) { return "\x1b]0;owned\x07"; }, kFew);
    names.find({"192.0.2.1"});
    EXPECT_EQ(names.of("192.0.2.1"), "192.0.2.1");
}

TEST(Names, StandInTheTableForAddressesAndForTheServersPort) {
    Names names([](const std::string& address) { return address == "2001:db8::1" ? "a.example" : ""; }, kFew);
    nlohmann::json flow = half_closed_flow("2001:db8::1", "2001:db8::2");
    flow["client"]["port"] = 80;
    std::vector<std::string> addresses;
    collect_addresses(flow, addresses);
    EXPECT_THAT(addresses, testing::ElementsAre("2001:db8::1", "2001:db8::2"));
    names.find(addresses);
    const std::string http = names.service(80).empty() ? "80" : names.service(80);
    const Row row = flow_row(flow, 0, &names);
    EXPECT_EQ(row[1], "a.example:80") << "a client's port is drawn by chance";
    EXPECT_EQ(row[2], "[2001:db8::2]:" + http);
}

TEST(Names, ThoseOfThisMachineAreFoundByTheSystem) {
    EXPECT_EQ(name_by_system("no address"), "");
    EXPECT_TRUE(is_host_name(name_by_system("127.0.0.1")));
}

}  // namespace
}  // namespace finwait::ctl::test
