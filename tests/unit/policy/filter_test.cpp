#include "policy/filter.hpp"

#include "policy/filter_support.hpp"

#include <gtest/gtest.h>

namespace finwait::policy {
namespace {

using namespace std::chrono_literals;

TEST(Filter, WithoutTextMatchesEverything) {
    EXPECT_TRUE(matches(""));
    EXPECT_TRUE(matches(" \t\n"));
    EXPECT_TRUE(filter("").matches_everything());
    EXPECT_FALSE(filter("port 1").matches_everything());
}

TEST(Filter, StateAsksEitherSide) {
    EXPECT_TRUE(matches("state fin-wait-2"));
    EXPECT_TRUE(matches("state close-wait"));
    EXPECT_FALSE(matches("state established"));
}

TEST(Filter, ClientStateAndServerStateAskOneSide) {
    EXPECT_TRUE(matches("client-state fin-wait-2"));
    EXPECT_FALSE(matches("client-state close-wait"));
    EXPECT_TRUE(matches("server-state close-wait"));
    EXPECT_FALSE(matches("server-state fin-wait-2"));
}

TEST(Filter, KnowsEveryStateByItsName) {
    auto subject = web_flow();
    for (std::size_t i = 0; i < tcp::kStateCount; ++i) {
        subject.client_state = static_cast<tcp::State>(i);
        EXPECT_TRUE(matches("client-state " + std::string(tcp::kStateNames[i]), subject));
    }
}

TEST(Filter, UnderstandsTheOtherNamesOfStates) {
    auto subject = web_flow();
    subject.client_state = tcp::State::established;
    EXPECT_TRUE(matches("state estab", subject));
    subject.client_state = tcp::State::syn_received;
    EXPECT_TRUE(matches("state syn-received", subject));
    subject.client_state = tcp::State::listen;
    EXPECT_TRUE(matches("state listening", subject));
}

TEST(Filter, CloserIsTheSideThatClosedFirst) {
    EXPECT_TRUE(matches("closer client"));
    EXPECT_FALSE(matches("closer server"));
}

TEST(Filter, CloserIsFalseUnlessHalfClosed) {
    auto subject = web_flow();
    subject.closer.reset();
    EXPECT_FALSE(matches("closer client", subject));
    EXPECT_FALSE(matches("closer server", subject));
}

TEST(Filter, ClientServerAndHostAskAddresses) {
    EXPECT_TRUE(matches("client 10.99.1.0/24"));
    EXPECT_FALSE(matches("client 10.99.2.0/24"));
    EXPECT_TRUE(matches("server 10.99.2.0/24"));
    EXPECT_FALSE(matches("server 10.99.1.0/24"));
    EXPECT_TRUE(matches("host 10.99.1.0/24"));
    EXPECT_TRUE(matches("host 10.99.2.0/24"));
    EXPECT_FALSE(matches("host 10.99.3.0/24"));
}

TEST(Filter, PortIsTheServersAndClientPortTheClients) {
    EXPECT_TRUE(matches("port 443"));
    EXPECT_FALSE(matches("port 40312"));
    EXPECT_TRUE(matches("client-port 40312"));
    EXPECT_FALSE(matches("client-port 443"));
}

TEST(Filter, ComparesIdleTime) {
    EXPECT_TRUE(matches("idle > 29s"));
    EXPECT_FALSE(matches("idle > 30s"));
    EXPECT_TRUE(matches("idle >= 30s"));
    EXPECT_FALSE(matches("idle < 30s"));
    EXPECT_TRUE(matches("idle <= 30s"));
    EXPECT_TRUE(matches("idle < 30s1ms"));
}

TEST(Filter, ComparesAge) {
    EXPECT_TRUE(matches("age > 1h"));
    EXPECT_FALSE(matches("age > 2h"));
    EXPECT_TRUE(matches("age >= 2h"));
    EXPECT_TRUE(matches("age < 1d"));
}

TEST(Filter, ComparesByWordsThatNoShellTakesForItself) {
    for (const auto& [word, sign] :
         {std::pair{"gt", ">"}, std::pair{"ge", ">="}, std::pair{"lt", "<"}, std::pair{"le", "<="}}) {
        for (const auto* limit : {"29s", "30s", "31s"}) {
            const auto said = [limit](const char* comparison) {
                return "idle " + std::string(comparison) + " " + limit;
            };
            EXPECT_EQ(matches(said(word)), matches(said(sign))) << said(word);
        }
    }
    EXPECT_TRUE(matches("age ge 2h and idle le 30s"));
    EXPECT_FALSE(matches("age gt 2h"));
}

TEST(Filter, SaysByAWordOrASignThatAValueIsOneOrAnother) {
    for (const auto* text : {"port eq 443", "port = 443", "port == 443", "port ne 80", "port != 80",
                             "port!=80", "client-port ne 443", "state eq close-wait", "state ne established",
                             "client-state ne close-wait", "closer ne server", "server eq 10.99.2.0/24",
                             "host ne 10.99.3.0/24", "phase ne watching", "not port ne 443"}) {
        EXPECT_TRUE(matches(text)) << text;
    }
    for (const auto* text : {"port ne 443", "port eq 80", "state ne close-wait", "host ne 10.99.1.0/24",
                             "closer ne client", "phase != probing"}) {
        EXPECT_FALSE(matches(text)) << text;
    }
}

TEST(Filter, APolicyMayBeNamedLikeAComparison) {
    auto subject = web_flow();
    subject.policy = "eq";
    EXPECT_TRUE(matches("policy eq and port 443", subject));
}

TEST(Filter, NamesThePoliciesThatItAsksForAndTheirColumns) {
    const auto named = filter("port 1 and not (policy web or policy  slow)").named_policies();
    ASSERT_EQ(named.size(), 2U);
    EXPECT_EQ(named[0].name, "web");
    EXPECT_EQ(named[0].column, 24U);
    EXPECT_EQ(named[1].name, "slow");
    EXPECT_EQ(named[1].column, 39U);
    EXPECT_TRUE(filter("port 1").named_policies().empty());
}

TEST(Filter, UnknownIdleTimeIsNeitherMoreNorLess) {
    auto subject = web_flow();
    subject.idle.reset();
    EXPECT_FALSE(matches("idle > 0s", subject));
    EXPECT_FALSE(matches("idle <= 365d", subject));
    EXPECT_TRUE(matches("not idle > 30s", subject));
}

TEST(Filter, PolicyAndPhaseAskByName) {
    EXPECT_TRUE(matches("policy web"));
    EXPECT_FALSE(matches("policy default"));
    EXPECT_TRUE(matches("phase probing"));
    EXPECT_FALSE(matches("phase watching"));
}

TEST(Filter, APolicyMayBeNamedLikeAKeyword) {
    EXPECT_FALSE(matches("policy and and policy web"));
}

TEST(Filter, JuxtapositionMeansAnd) {
    EXPECT_TRUE(matches("port 443 closer client"));
    EXPECT_FALSE(matches("port 443 closer server"));
    EXPECT_TRUE(matches("port 443 (closer client)"));
    EXPECT_TRUE(matches("port 443 not closer server"));
}

TEST(Filter, AndBindsTighterThanOr) {
    EXPECT_TRUE(matches("port 443 or port 1 and port 2"));
    EXPECT_TRUE(matches("port 1 and port 2 or port 443"));
    EXPECT_TRUE(matches("port 443 or port 1 port 2"));
    EXPECT_FALSE(matches("(port 443 or port 1) and port 2"));
}

TEST(Filter, NotBindsTighterThanAnd) {
    EXPECT_FALSE(matches("not port 1 and port 2"));
    EXPECT_TRUE(matches("not (port 1 and port 2)"));
    EXPECT_TRUE(matches("not not port 443"));
}

TEST(Filter, NeedsNoSpaceAroundSigns) {
    EXPECT_TRUE(matches("(idle>29s)and(age>=2h)"));
    EXPECT_TRUE(matches("not(port 1)"));
}

TEST(Filter, KeepsItsText) {
    EXPECT_EQ(filter("port  443").text(), "port  443");
}

TEST(Filter, DependsOnTimeWhenItAsksForWhatChangesWhileHalfClosed) {
    for (const auto* text :
         {"", "closer client", "client 10.0.0.0/8 and port 443", "not (host ::1 or client-port 5)"}) {
        EXPECT_FALSE(filter(text).depends_on_time()) << text;
    }
    for (const auto* text : {"idle > 1s", "age > 1s", "state fin-wait-2", "phase probing", "policy web",
                             "port 443 and not (port 80 or idle > 5m)"}) {
        EXPECT_TRUE(filter(text).depends_on_time()) << text;
    }
}

}  // namespace
}  // namespace finwait::policy
