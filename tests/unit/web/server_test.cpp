// What is served, to whom, and what becomes of those who misbehave.
#include "web/client.hpp"

#include <atomic>
#include <new>
#include <thread>

#include <gmock/gmock.h>

namespace finwait::web::test {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(Server, ServesThePageWithAPolicyThatLetsInNothingFromOutside) {
    Daemon daemon;
    daemon.start();
    const Response page = get("/");
    EXPECT_EQ(page.status, 200);
    EXPECT_THAT(page.head,
                AllOf(HasSubstr("text/html"), HasSubstr("default-src 'none'"), HasSubstr("'sha256-"),
                      HasSubstr("X-Content-Type-Options: nosniff"), HasSubstr("Referrer-Policy: no-referrer"),
                      HasSubstr("frame-ancestors 'none'"), Not(HasSubstr("unsafe"))));
    EXPECT_THAT(page.body, AllOf(HasSubstr("<title>finwaitd</title>"), Not(HasSubstr("@script@"))));
    EXPECT_THAT(page.body, Not(testing::ContainsRegex("(src|href)=\"(https?:)?//")))
        << "something from elsewhere";
}

TEST(Server, ServesMetricsInTheFormatAskedFor) {
    Daemon daemon(2);
    daemon.shard(0).open_flow(1000, true);
    daemon.shard(1).open_flow(1001, false);
    daemon.start();
    const Response plain = get("/metrics");
    EXPECT_EQ(plain.status, 200);
    EXPECT_THAT(plain.head, HasSubstr("text/plain; version=0.0.4"));
    EXPECT_THAT(plain.body, HasSubstr("\nfinwaitd_flows 2\n"));
    EXPECT_THAT(plain.body, HasSubstr("finwaitd_half_closed_flows{closer=\"client\"} 1\n"));
    EXPECT_THAT(plain.body, HasSubstr("finwaitd_enforcing 0\n"));
    const Response open = get("/metrics", "Accept: application/openmetrics-text; version=1.0.0\r\n");
    EXPECT_THAT(open.head, HasSubstr("application/openmetrics-text; version=1.0.0"));
    EXPECT_TRUE(open.body.ends_with("\n# EOF\n"));
}

TEST(Server, TheStatusIsWhatStatsAndPolicySay) {
    Daemon daemon;
    daemon.shard().open_flow(1000, true);
    daemon.start();
    const json status = json::parse(get("/api/status.json").body);
    EXPECT_EQ(status["stats"]["flows"]["half_closed"], 1);
    EXPECT_EQ(status["stats"]["flows"]["by_state"]["close-wait"], 1);
    EXPECT_EQ(status["policies"][0]["name"], "default");
    EXPECT_TRUE(status["history"]["steps"].is_array());
}

TEST(Server, ListsHalfClosedFlowsOnlyThatMatch) {
    Daemon daemon(2);
    daemon.shard(0).open_flow(1000, true);
    daemon.shard(0).open_flow(1001, false);
    daemon.shard(1).open_flow(1002, true);
    daemon.start();
    json all = json::parse(get("/api/flows.json").body);
    EXPECT_EQ(all["flows"].size(), 2U);
    EXPECT_EQ(all["complete"], true);
    json one = json::parse(get("/api/flows.json?filter=client-port%201002%20or%20client-port+1001").body);
    ASSERT_EQ(one["flows"].size(), 1U);
    EXPECT_EQ(one["flows"][0]["client"]["port"], 1002);
}

/// Cannot be copied while it is told not to be, as if there were no memory.
struct Uncopyable {
    explicit Uncopyable(const std::atomic<bool>& is_short) : out_of_memory(&is_short) {}
    Uncopyable(const Uncopyable& other) : out_of_memory(other.out_of_memory) {
        if (*out_of_memory) throw std::bad_alloc();
    }
    Uncopyable& operator=(const Uncopyable&) = delete;
    ~Uncopyable() = default;
    void operator()() const {}

    const std::atomic<bool>* out_of_memory;
};

TEST(Server, ASearchThatFailsTakesNoPlaceFromLaterOnes) {
    std::atomic<bool> out_of_memory = false;
    Daemon daemon;
    daemon.start();
    daemon.context->shards[0].wake = Uncopyable(out_of_memory);
    out_of_memory = true;
    for (int i = 0; i < 5; ++i)
        EXPECT_NE(get("/api/flows.json").status, 200);
    out_of_memory = false;
    EXPECT_EQ(get("/api/flows.json").status, 200);
}

TEST(Server, AFiltersErrorHasTheColumnOfWhatWasTyped) {
    Daemon daemon;
    daemon.start();
    const Response answer = get("/api/flows.json?filter=port+80+prot+90");
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(json::parse(answer.body)["error"]["column"], 9);
    const Response bracket = get("/api/flows.json?filter=port+80)+or+(port+90");
    EXPECT_EQ(bracket.status, 400) << "a filter cannot leave the brackets that it is put into";
}

TEST(Server, NoMoreFlowsAreListedThanCanBeTakenIn) {
    Daemon daemon;
    for (std::uint16_t i = 0; i < 1000; ++i)
        daemon.shard().open_flow(static_cast<std::uint16_t>(20000 + i), true);
    daemon.start();
    const json listed = json::parse(get("/api/flows.json").body);
    EXPECT_EQ(listed["flows"].size(), 300U);
    EXPECT_EQ(listed["complete"], false);
    EXPECT_EQ(listed["matched"], 1000);
    EXPECT_EQ(listed["all_seen"], true);
}

TEST(Server, ThoseThatAreListedHaveBeenIdleLongestOfAllWhereverTheyStand) {
    Daemon daemon(2);
    for (std::uint16_t i = 0; i < 400; ++i)
        daemon.shard(i % 2).open_flow(static_cast<std::uint16_t>(20000 + i), true,
                                      std::chrono::seconds(10 + i));
    daemon.start();
    const json listed = json::parse(get("/api/flows.json").body);
    ASSERT_EQ(listed["flows"].size(), 300U);
    EXPECT_EQ(listed["flows"].front()["client"]["port"], 20399);
    EXPECT_EQ(listed["flows"].back()["client"]["port"], 20100);
}

TEST(Server, AFilterForAPolicyThatThereIsNotIsAnErrorAtItsName) {
    Daemon daemon;
    daemon.context->hooks.policies = [] { return std::vector<std::string>{"web", "default"}; };
    daemon.start();
    const Response answer = get("/api/flows.json?filter=policy+wbe");
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(json::parse(answer.body)["error"]["column"], 8);
}

TEST(Server, AnswersOnlyToNamesOfThisMachine) {
    Daemon daemon;
    daemon.start();
    for (const char* path : {"/", "/metrics", "/api/status.json", "/api/flows.json"}) {
        EXPECT_EQ(get(path, "", "evil.example:9652").status, 421) << path;
        EXPECT_EQ(get(path, "", "127.0.0.1:9652").status, 200) << path;
        EXPECT_EQ(get(path, "", "gw.example").status, 200) << path;
    }
}

TEST(Server, OnlyReads) {
    Daemon daemon;
    daemon.start();
    for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE"}) {
        Client client;
        client.send(request("/", method));
        const Response answer = client.response();
        EXPECT_EQ(answer.status, 405) << method;
        EXPECT_THAT(answer.head, HasSubstr("Allow: GET, HEAD"));
    }
    Client head;
    head.send(request("/metrics", "HEAD"));
    const Response answer = head.response(true);
    EXPECT_EQ(answer.status, 200);
    EXPECT_THAT(answer.head, Not(HasSubstr("Content-Length: 0\r\n")));
    head.send(request("/nowhere"));
    EXPECT_EQ(head.response().status, 404) << "nothing but the head was sent before";
}

TEST(Server, WhatMakesNoSenseIsAnsweredAndEndsTheConnection) {
    Daemon daemon;
    daemon.start();
    for (const std::string& nonsense :
         {std::string("\x16\x03\x01\x02 hello\r\n\r\n"), std::string("GET /\r\n\r\n"),
          std::string("GET / HTTP/7.3\r\n\r\n"), std::string("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
          std::string("GET / HTTP/1.1\r\n: x\r\n\r\n"),
          request("/", "GET", "Content-Length: 5\r\n") + "12345",
          request("/", "GET", "Transfer-Encoding: chunked\r\n"),
          request("/", "GET", "Content-Length: -1\r\n"), std::string("\0\0\0\0\r\n\r\n", 8)}) {
        Client client;
        client.send(nonsense);
        EXPECT_EQ(client.response().status, 400) << nonsense;
        EXPECT_TRUE(client.cut_off()) << nonsense;
    }
    for (const char* target :
         {"*", "http://localhost/", "/%zz", "/metrics?x=1", "/api/flows.json?fitler=port+80"})
        EXPECT_EQ(get(target).status, 400) << target;
    Client nameless;
    nameless.send("GET /metrics HTTP/1.1\r\n\r\n");
    EXPECT_EQ(nameless.response().status, 400);
}

TEST(Server, AHeadThatIsTooLargeIsRefused) {
    Daemon daemon;
    daemon.start();
    Client client;
    client.send(request("/", "GET", "X: " + std::string(20'000, 'x') + "\r\n"));
    EXPECT_EQ(client.response().status, 431);
    EXPECT_TRUE(client.cut_off());
}

TEST(Server, RequestsMayFollowEachOtherOnAConnection) {
    Daemon daemon;
    daemon.start();
    Client client;
    client.send(request("/metrics") + request("/nowhere") + request("/", "GET", "Connection: close\r\n"));
    EXPECT_EQ(client.response().status, 200);
    EXPECT_EQ(client.response().status, 404);
    EXPECT_EQ(client.response().status, 200);
    EXPECT_TRUE(client.cut_off());
    Client old;
    old.send("GET /metrics HTTP/1.0\r\n\r\n");
    EXPECT_EQ(old.response().status, 200);
    EXPECT_TRUE(old.cut_off());
}

TEST(Server, WhoAsksTooSlowlyOrNotAtAllIsCutOff) {
    Daemon daemon;
    daemon.limits.header_timeout = milliseconds(100);
    daemon.limits.idle_timeout = milliseconds(300);
    daemon.start();
    Client silent;
    EXPECT_TRUE(silent.cut_off());
    Client half;
    half.send("GET / HT");
    EXPECT_TRUE(half.cut_off());
    Client trickling;
    bool taken = true;
    for (int i = 0; i < 200 && taken; ++i) {
        taken = trickling.send("G");
        std::this_thread::sleep_for(milliseconds(5));
    }
    EXPECT_FALSE(taken);
}

TEST(Server, WhoDoesNotReadIsCutOffAndOthersAreServedMeanwhile) {
    Daemon daemon;
    for (std::uint16_t i = 0; i < 300; ++i)
        daemon.shard().open_flow(static_cast<std::uint16_t>(20000 + i), true);
    daemon.limits.write_timeout = milliseconds(200);
    daemon.start();
    const Client deaf;
    bool taken = true;
    std::string many;
    for (int i = 0; i < 100; ++i)
        many += request("/api/flows.json");
    for (int i = 0; i < 1000 && taken; ++i) {
        taken = deaf.send(many);
        EXPECT_EQ(get("/metrics").status, 200);
    }
    EXPECT_FALSE(taken);
}

TEST(Server, WhoOnlyStaysConnectedMakesRoomForOthers) {
    Daemon daemon;
    daemon.limits.connections = 4;
    daemon.start();
    std::vector<std::unique_ptr<Client>> idle;
    for (int i = 0; i < 10; ++i)
        idle.push_back(std::make_unique<Client>());
    EXPECT_EQ(get("/metrics").status, 200);
    EXPECT_TRUE(idle.front()->cut_off());
}

TEST(Server, AShardThatDoesNotAnswerIsSaidSo) {
    Daemon daemon;
    daemon.silent = true;
    daemon.context->options.shard_timeout = milliseconds(50);
    daemon.start();
    EXPECT_EQ(get("/metrics").status, 503);
    EXPECT_EQ(get("/api/flows.json").status, 503);
    EXPECT_EQ(json::parse(get("/api/status.json").body)["error"]["code"], "timeout");
}

TEST(Server, MovesToAnotherPlaceAndStaysWhereItIsWhenItCannot) {
    Daemon daemon;
    daemon.start();
    const Client in_use_there(kPort);
    EXPECT_EQ(daemon.relisten(Daemon::place(kOtherPort)), std::nullopt);
    EXPECT_FALSE(Client(kPort).connected);
    EXPECT_TRUE(Client(kOtherPort).connected);

    Daemon other;
    other.start();
    Client reader(kOtherPort);
    ASSERT_TRUE(reader.send(request("/metrics")));
    ASSERT_EQ(reader.response().status, 200);
    const auto problem = daemon.relisten(Daemon::place(kPort));
    ASSERT_TRUE(problem);
    EXPECT_THAT(*problem, AllOf(HasSubstr("metrics.listen: 127.0.0.1:" + std::to_string(kPort) +
                                          ": Address already in use"),
                                HasSubstr("ss -ltnp")));
    EXPECT_TRUE(Client(kOtherPort).connected);
    ASSERT_TRUE(reader.send(request("/metrics")));
    EXPECT_EQ(reader.response().status, 200) << "who reads there notices nothing";
    EXPECT_THAT(*daemon.relisten(tcp::Endpoint{*tcp::Address::parse("192.0.2.77"), 9652}),
                HasSubstr("an address that this machine has"));
    EXPECT_TRUE(Client(kOtherPort).connected);
    EXPECT_EQ(daemon.relisten(std::nullopt), std::nullopt);
    EXPECT_FALSE(Client(kOtherPort).connected);
}

TEST(Server, MovesFromOneAddressToAllOfThemOnTheSamePort) {
    Daemon daemon;
    daemon.start();
    const Place all = tcp::Endpoint{*tcp::Address::parse("0.0.0.0"), kPort};
    EXPECT_EQ(daemon.relisten(all), std::nullopt);
    EXPECT_EQ(get("/metrics").status, 200);
    EXPECT_EQ(daemon.relisten(Daemon::place()), std::nullopt);
    EXPECT_EQ(get("/metrics").status, 200);
}

TEST(Server, ServesAUnixSocketUnderAnyName) {
    Daemon daemon;
    daemon.start();
    ASSERT_EQ(daemon.relisten(Place(daemon.path())), std::nullopt);
    control::test::Peer peer(daemon.path());
    ASSERT_TRUE(peer.connected());
    peer.send(request("/metrics", "GET", "", "whatever.example"));
    EXPECT_EQ(peer.line(), "HTTP/1.1 200 OK\r");
    ASSERT_EQ(daemon.relisten(std::nullopt), std::nullopt);
    EXPECT_FALSE(std::filesystem::exists(daemon.path()));
}

}  // namespace
}  // namespace finwait::web::test
