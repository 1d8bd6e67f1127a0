#include "ctl/flow_fields.hpp"

#include "ctl/flow_order.hpp"
#include "ctl/support.hpp"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>

namespace finwait::ctl::test {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::StartsWith;

TEST(FlowFields, StandInAnOrderThatProgramsRelyOn) {
    EXPECT_EQ(tsv_header(false),
              "id\tclient_addr\tclient_port\tclient_state\tserver_addr\tserver_port\tserver_state\tcloser\t"
              "age_s\tidle_s\texpires_in_s\tpolicy\tphase\tadopted\tfast_path\toutcome\tcannot_end\n");
    EXPECT_THAT(tsv_header(true), EndsWith("\tcannot_end\tclient_sees_addr\tclient_sees_port\t"
                                           "server_sees_addr\tserver_sees_port\n"));
}

TEST(FlowFields, HaveTheirValuesAsInJsonAndADashForNone) {
    nlohmann::json flow = half_closed_flow();
    EXPECT_EQ(tsv_line(flow, false),
              "3f2a-17\t10.99.1.2\t40312\tfin-wait-2\t10.99.2.2\t80\tclose-wait\tclient\t71.2\t33.0\t267.0\t"
              "default\twatching\tfalse\tfalse\t-\t-\n");
    flow["closer"] = nullptr;
    flow["policy"] = "";
    flow["client"]["sees"] = {{"addr", "2001:db8::1"}, {"port", 8003}};
    flow["server"]["sees"] = nullptr;
    EXPECT_THAT(tsv_line(flow, true), StartsWith("3f2a-17\t10.99.1.2\t40312\tfin-wait-2\t10.99.2.2\t80\t"
                                                 "close-wait\t-\t71.2\t33.0\t267.0\t-\t"));
    EXPECT_THAT(tsv_line(flow, true), EndsWith("\t2001:db8::1\t8003\t-\t-\n"));
}

TEST(FlowFields, CannotBeTornApartByAValue) {
    nlohmann::json flow = half_closed_flow();
    flow["policy"] = "a\tb\nc";
    const std::string line = tsv_line(flow, false);
    EXPECT_EQ(std::count(line.begin(), line.end(), '\t'), 16);
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
}

/// The ids of flows in an order, of flows that have theirs from 0 on.
class Order : public testing::Test {
  protected:
    std::vector<std::string> sorted(std::string_view by, std::optional<std::size_t> limit = {}) {
        FlowOrder order(by, limit);
        for (const nlohmann::json& flow : flows)
            order.add(flow.dump());
        std::vector<std::string> ids;
        order.take([&ids](std::string_view json) { ids.push_back(nlohmann::json::parse(json)["id"]); });
        return ids;
    }
    void add(const nlohmann::json& changes) {
        nlohmann::json flow = half_closed_flow();
        flow.merge_patch(changes);
        if (changes.contains("idle_s")) flow["idle_s"] = changes["idle_s"];
        flow["id"] = std::to_string(flows.size());
        flows.push_back(flow);
    }

    std::vector<nlohmann::json> flows;
};

TEST_F(Order, WhatIsNotKnownStandsLastEitherWay) {
    add({{"idle_s", 5.0}});
    add({{"idle_s", nullptr}});
    add({{"idle_s", 40.0}});
    add({{"idle_s", 7.0}});
    EXPECT_THAT(sorted("idle"), ElementsAre("0", "3", "2", "1"));
    EXPECT_THAT(sorted("-idle"), ElementsAre("2", "3", "0", "1"));
    EXPECT_THAT(sorted("-idle", 2), ElementsAre("2", "3"));
}

TEST_F(Order, AddressesAreComparedAsNumbersAndEqualsKeepTheirOrder) {
    for (const char* address : {"10.0.0.10", "10.0.0.9", "2001:db8::1", "10.0.0.9"})
        add({{"client", {{"addr", address}}}});
    EXPECT_THAT(sorted("client"), ElementsAre("1", "3", "0", "2"));
    EXPECT_THAT(sorted("-client"), ElementsAre("2", "0", "1", "3"));
}

TEST_F(Order, ALimitKeepsThoseThatWouldComeFirstAnyway) {
    std::mt19937 draw(7);
    for (int i = 0; i < 500; ++i)
        add({{"server", {{"port", draw() % 50}}}});
    for (const char* by : {"port", "-port"}) {
        std::vector<std::string> all = sorted(by);
        ASSERT_EQ(all.size(), 500U);
        all.resize(20);
        EXPECT_EQ(sorted(by, 20), all) << by;
    }
}

TEST_F(Order, EveryWordSorts) {
    add({{"idle_s", 5.0}});
    add({{"idle_s", 6.0}});
    for (const std::string_view word : sort_words())
        EXPECT_EQ(sorted(word).size(), 2U) << word;
}

}  // namespace
}  // namespace finwait::ctl::test
