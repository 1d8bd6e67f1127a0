#include "policy/policy.hpp"

#include "policy/filter_support.hpp"

#include <stdexcept>

#include <gtest/gtest.h>

namespace finwait::policy {
namespace {

TEST(PolicySet, HasOnlyDefaultToBeginWith) {
    const PolicySet policies;
    ASSERT_EQ(policies.size(), 1U);
    EXPECT_EQ(policies[0].name, "default");
    EXPECT_EQ(policies[0].timeouts, Timeouts{});
    EXPECT_EQ(policies.match(web_flow()), 0);
}

TEST(PolicySet, TheFirstMatchInFileOrderWins) {
    const PolicySet policies(
        {{"ssh", filter("port 22"), {}}, {"web", filter("port 443"), {}}, {"all", {}, {}}}, {});
    EXPECT_EQ(policies[policies.match(web_flow())].name, "web");
    auto subject = web_flow();
    subject.server.port = 25;
    EXPECT_EQ(policies[policies.match(subject)].name, "all");
}

TEST(PolicySet, DefaultMatchesWhatNoOtherDoes) {
    const PolicySet policies({{"ssh", filter("port 22"), {}}}, {.fin_wait_2 = std::chrono::seconds(7)});
    EXPECT_EQ(policies.match(web_flow()), 1);
    EXPECT_EQ(policies[1].name, "default");
    EXPECT_EQ(policies[1].timeouts.fin_wait_2, std::chrono::seconds(7));
}

TEST(PolicySet, HoldsNoMoreThanAnIndexCanName) {
    EXPECT_NO_THROW(PolicySet(std::vector<Policy>(PolicySet::kMaxNamed), {}));
    EXPECT_THROW(PolicySet(std::vector<Policy>(PolicySet::kMaxNamed + 1), {}), std::length_error);
}

TEST(PolicyName, IsOneWordOfAtMost32Characters) {
    EXPECT_TRUE(is_policy_name("web-1.a_B"));
    EXPECT_TRUE(is_policy_name(std::string(32, 'a')));
    EXPECT_FALSE(is_policy_name(""));
    EXPECT_FALSE(is_policy_name(std::string(33, 'a')));
    EXPECT_FALSE(is_policy_name("a b"));
    EXPECT_FALSE(is_policy_name("\xc3\xa9"));
}

}  // namespace
}  // namespace finwait::policy
