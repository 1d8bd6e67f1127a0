// Policies that no flow can get: behind others that take all of theirs, or with a match that contradicts
// itself.
#include "policy/coverage.hpp"

#include "policy/filter_support.hpp"

#include <initializer_list>
#include <string>

#include <gmock/gmock.h>

namespace finwait::policy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// "1<0": the second is behind the first; "1!": it contradicts itself.
std::vector<std::string> found(std::initializer_list<std::string_view> matches) {
    std::vector<Policy> policies;
    for (const auto match : matches)
        policies.push_back({"p" + std::to_string(policies.size()), filter(match), {}});
    std::vector<std::string> out;
    for (const NeverInForce& never : never_in_force(policies)) {
        std::string text = std::to_string(never.policy) + (never.behind.empty() ? "!" : "");
        for (const std::size_t before : never.behind)
            text += "<" + std::to_string(before);
        out.push_back(std::move(text));
    }
    return out;
}

TEST(Coverage, BehindAMatchOfEverythingNothingIsLeft) {
    EXPECT_THAT(found({"port 22", "", "port 80", ""}), ElementsAre("2<1", "3<1"));
    EXPECT_THAT(found({"port 22", "port 80", ""}), IsEmpty());
}

TEST(Coverage, WhoHasACloserIsHalfClosed) {
    EXPECT_THAT(found({"state established and closer client"}), ElementsAre("0!"));
    EXPECT_THAT(found({"closer client and client-state close-wait"}), ElementsAre("0!"));
    EXPECT_THAT(found({"closer client and server-state fin-wait-2"}), ElementsAre("0!"));
    EXPECT_THAT(found({"closer client and state close-wait and client-state fin-wait-2"}), IsEmpty());
    EXPECT_THAT(found({"closer client and not server-state close-wait"}), ElementsAre("0!"));
    EXPECT_THAT(found({"state fin-wait-2", "closer server"}), ElementsAre("1<0"));
    EXPECT_THAT(found({"not state established", "closer server"}), ElementsAre("1<0"));
    EXPECT_THAT(found({"closer server", "state fin-wait-2"}), IsEmpty());
    EXPECT_THAT(found({"closer ne client and state established"}), IsEmpty());
}

TEST(Coverage, BothEndsAreOfOneFamily) {
    EXPECT_THAT(found({"server 2001:db8::/32 and client 10.0.0.0/8"}), ElementsAre("0!"));
    EXPECT_THAT(found({"host ::/0 and host 0.0.0.0/0"}), ElementsAre("0!"));
    EXPECT_THAT(found({"server 2001:db8::/32 and client ::/0"}), IsEmpty());
    EXPECT_THAT(found({"host 10.0.0.0/8 and host 192.0.2.0/24"}), IsEmpty());
}

TEST(Coverage, TheSameMatchInOtherWordsIsTheSame) {
    EXPECT_THAT(found({"port 443 and closer client", "closer  client port eq 443"}), ElementsAre("1<0"));
    EXPECT_THAT(found({"not (port 80 or closer client)", "port ne 80 and not closer client"}),
                ElementsAre("1<0"));
    EXPECT_THAT(found({"age > 1h", "age gt 60m"}), ElementsAre("1<0"));
}

TEST(Coverage, ANarrowerMatchBehindAWiderOneGetsNothing) {
    EXPECT_THAT(found({"server 10.0.0.0/8", "server 10.1.0.0/16 and port 443"}), ElementsAre("1<0"));
    EXPECT_THAT(found({"host 10.0.0.0/8", "client 10.1.2.3"}), ElementsAre("1<0"));
    EXPECT_THAT(found({"state fin-wait-2", "client-state fin-wait-2"}), ElementsAre("1<0"));
    EXPECT_THAT(found({"idle >= 5m", "idle > 5m"}), ElementsAre("1<0"));
    EXPECT_THAT(found({"age < 1h", "age <= 5m"}), ElementsAre("1<0"));
    EXPECT_THAT(found({"not port 80", "port 443"}), ElementsAre("1<0"));
    EXPECT_THAT(found({"not client 10.1.0.0/16", "not client 10.0.0.0/8"}), ElementsAre("1<0"));
}

TEST(Coverage, EachAlternativeMayBeTakenByAnother) {
    EXPECT_THAT(found({"port 80", "port 443", "closer client and (port 443 or port 80)"}),
                ElementsAre("2<0<1"));
    EXPECT_THAT(found({"port 80", "port 80 or port 443"}), IsEmpty());
}

TEST(Coverage, AMatchThatContradictsItselfMatchesNothing) {
    for (const auto* match : {"port 80 and port 443", "closer client and closer server",
                              "server 10.0.0.0/8 and server 192.0.2.0/24", "client 10.0.0.1 client ::1",
                              "age > 5m and age < 1m", "age > 5m and age <= 5m", "port 80 and not port 80",
                              "port 80 and port ne 80", "client-state established and client-state closed",
                              "closer client and (port 80 and port 81 or not closer client)",
                              "client 10.1.0.0/16 and not client 10.0.0.0/8"})
        EXPECT_THAT(found({match}), ElementsAre("0!")) << match;
}

TEST(Coverage, WhatCanHoldIsNotCalledImpossible) {
    for (const auto* match :
         {"state fin-wait-2 and state close-wait", "host 10.0.0.0/8 and host 192.0.2.0/24",
          "age > 1m and age < 5m", "age >= 5m and age <= 5m", "port 80 or port 443",
          "not closer client and not closer server", "client 10.0.0.0/8 and client 10.1.0.0/16",
          "client 0.0.0.0/0 or client ::/0", "idle > 5m and age < 1m",
          "client-state fin-wait-2 and server-state established", "port 80 and client-port 443"})
        EXPECT_THAT(found({match}), IsEmpty()) << match;
}

TEST(Coverage, AnUnknownIdleTimeIsNeitherSideOfALimit) {
    EXPECT_THAT(found({"idle <= 5m", "not idle > 5m"}), IsEmpty());
}

TEST(Coverage, APolicyThatIsNeverInForceTakesNothingFromOthers) {
    EXPECT_THAT(found({"port 80 and port 81", "port 80"}), ElementsAre("0!"));
}

TEST(Coverage, AFilterWithTooManyAlternativesIsNotJudged) {
    std::string many = "(port 1 or port 2 or port 3)";
    for (int i = 0; i < 4; ++i)
        many += " and (client-port 1 or client-port 2 or client-port 3)";
    EXPECT_THAT(found({many, many}), IsEmpty());
    EXPECT_THAT(found({"port 1 or port 2 or port 3", many}), IsEmpty());
}

}  // namespace
}  // namespace finwait::policy
