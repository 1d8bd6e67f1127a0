#include "control/encode.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace finwait::control {
namespace {

using nlohmann::json;

engine::FlowReport half_closed() {
    engine::FlowReport flow;
    flow.id = *engine::FlowId::parse("3f2a-17");
    flow.subject.client = {*tcp::Address::parse("10.99.1.2"), 40312};
    flow.subject.server = {*tcp::Address::parse("10.99.2.2"), 80};
    flow.subject.client_state = tcp::State::fin_wait_2;
    flow.subject.server_state = tcp::State::close_wait;
    flow.subject.closer = tcp::Role::client;
    flow.subject.age = std::chrono::milliseconds(71234);
    flow.subject.idle = std::chrono::seconds(33);
    flow.subject.policy = "default";
    flow.expires_in = std::chrono::seconds(267);
    return flow;
}

std::string encoded(const engine::FlowReport& flow, Detail detail = Detail::brief) {
    std::string out;
    append_flow(out, flow, detail);
    return out;
}

TEST(Encode, AFlowIsWrittenAsDocumented) {
    EXPECT_EQ(encoded(half_closed()),
              R"({"id":"3f2a-17","client":{"addr":"10.99.1.2","port":40312,"state":"fin-wait-2"},)"
              R"("server":{"addr":"10.99.2.2","port":80,"state":"close-wait"},)"
              R"("closer":"client","age_s":71.2,"idle_s":33.0,"policy":"default","expires_in_s":267.0,)"
              R"("phase":"watching","adopted":false,"fast_path":false,"cannot_end":null,"outcome":null})");
}

TEST(Encode, WhatEachSideSeesIsToldWhereItIsAskedForAndNullWhereNobodyKnows) {
    const auto sees = [](const Peers& peers) {
        std::string out;
        append_flow(out, half_closed(), Detail::brief, &peers);
        const json flow = json::parse(out);
        return std::pair(flow["client"]["sees"], flow["server"]["sees"]);
    };
    const tcp::Endpoint gateway{*tcp::Address::parse("10.99.1.1"), 8003};
    const tcp::Endpoint masquerade{*tcp::Address::parse("2001:db8::1"), 2000};
    const auto [client, server] = sees(std::array{gateway, masquerade});
    EXPECT_EQ(client, json::parse(R"({"addr":"10.99.1.1","port":8003})"));
    EXPECT_EQ(server, json::parse(R"({"addr":"2001:db8::1","port":2000})"));
    EXPECT_EQ(sees(std::nullopt), std::pair(json(), json()));
    EXPECT_FALSE(json::parse(encoded(half_closed()))["client"].contains("sees"));
}

TEST(Encode, WhatIsUnknownIsNull) {
    engine::FlowReport flow = half_closed();
    flow.subject.closer.reset();
    flow.subject.idle.reset();
    flow.expires_in.reset();
    const json object = json::parse(encoded(flow));
    EXPECT_TRUE(object["closer"].is_null());
    EXPECT_TRUE(object["idle_s"].is_null());
    EXPECT_TRUE(object["expires_in_s"].is_null());
}

TEST(Encode, WhyAFlowCannotBeEndedAndHowItEndedAreTold) {
    engine::FlowReport flow = half_closed();
    flow.cannot_end = "already closed";
    flow.outcome = flow::Outcome::confirmed;
    const json object = json::parse(encoded(flow));
    EXPECT_EQ(object["cannot_end"], "already closed");
    EXPECT_EQ(object["outcome"], "confirmed");
}

TEST(Encode, ADeadlineThatHasPassedIsNotNegative) {
    engine::FlowReport flow = half_closed();
    flow.expires_in = std::chrono::milliseconds(-300);
    EXPECT_EQ(json::parse(encoded(flow))["expires_in_s"], 0.0);
}

TEST(Encode, APolicyNameCannotBreakTheLine) {
    engine::FlowReport flow = half_closed();
    flow.subject.policy = "a\"b\\c\n\xc3\xa4";
    EXPECT_EQ(json::parse(encoded(flow))["policy"], "a\"b\\c\n\xc3\xa4");
    EXPECT_EQ(encoded(flow).find('\n'), std::string::npos);
}

TEST(Encode, WithSidesTheNumbersAreThere) {
    engine::FlowReport flow = half_closed();
    engine::SideReport& client = flow.side[0];
    client.next = tcp::Seq(4294967295U);
    client.fin = tcp::Seq(7);
    client.fin_acknowledged = true;
    client.scale = std::uint8_t{9};
    client.window = 501;
    const json sides = json::parse(encoded(flow, Detail::sides))["sides"];
    EXPECT_EQ(sides["client"], json::parse(R"({"next":4294967295,"ack":null,"fin":7,"fin_acknowledged":true,
        "window":501,"scale":9,"timestamps":false,"sack":false,"exact":false})"));
    EXPECT_TRUE(sides["server"]["scale"].is_null());
    EXPECT_TRUE(sides["server"]["window"].is_null());
}

TEST(Encode, StatsNameEveryStateAndAddBothSides) {
    Totals totals;
    totals.gauges.flows = 3;
    totals.gauges.sides[0][static_cast<std::size_t>(tcp::State::fin_wait_2)] = 2;
    totals.gauges.sides[1][static_cast<std::size_t>(tcp::State::fin_wait_2)] = 1;
    totals.counters.resets_confirmed = 5;
    totals.counters.probes_unreachable = 6;
    totals.queue.dropped = 7;
    totals.counters.events_lost = 8;
    totals.counters.resets_held_back = 9;
    totals.counters.memory_refused = 10;
    totals.without_memory = 11;
    totals.wire = {1, 2, 3, 4, 5, 6};
    totals.counters.probes_unsent = 9;
    totals.counters.probes_delayed = 10;
    totals.counters.resets_unsent = 11;
    totals.shards = 4;
    totals.mode = "enforce";
    totals.uptime_s = 1.25;
    const json stats = json::parse(stats_json(totals));
    EXPECT_EQ(stats["flows"]["total"], 3);
    EXPECT_EQ(stats["flows"]["by_state"].size(), tcp::kStateCount);
    EXPECT_EQ(stats["flows"]["by_state"]["fin-wait-2"], 3);
    EXPECT_EQ(stats["resets"]["confirmed"], 5);
    EXPECT_EQ(stats["probes"]["unreachable"], 6);
    EXPECT_EQ(stats["queue"]["dropped"], 7);
    EXPECT_EQ(stats["wire"], json({{"translated", 1},
                                   {"no_entry", 2},
                                   {"not_sent", 3},
                                   {"refused", 4},
                                   {"queue_full", 5},
                                   {"ended", 6}}));
    EXPECT_EQ(stats["probes"]["unsent"], 9);
    EXPECT_EQ(stats["probes"]["delayed"], 10);
    EXPECT_EQ(stats["resets"]["unsent"], 11);
    EXPECT_EQ(stats["shards"], 4);
    EXPECT_EQ(stats["mode"], "enforce");
    EXPECT_EQ(stats["events"]["lost"], 8);
    EXPECT_EQ(stats["resets"]["held_back"], 9);
    EXPECT_EQ(stats["memory"]["refused"], 21);
    for (const char* key : {"seen", "invalid", "unparsed", "untracked", "lost"})
        EXPECT_EQ(stats["packets"][key], 0);
}

TEST(Encode, StatsTellWhatTheLoadOfTheShardsIsAndWhatBecameOfAsking) {
    Totals totals;
    totals.gauges.half_closed_by = {3, 4};
    totals.half_closed_ages.add(std::chrono::seconds(45), 7);
    totals.counters.answers[static_cast<std::size_t>(engine::Answer::orphan)] = 8;
    totals.load.accepted = 10;
    totals.load.released = 20;
    totals.load.dropped = 30;
    totals.load.note_wait(std::chrono::microseconds(30), 60);
    totals.load.note_wait(std::chrono::seconds(1), 2);
    totals.by_shard = {{5, 6, std::chrono::milliseconds(1500)}, {7, 8, {}}};
    const json stats = json::parse(stats_json(totals));
    EXPECT_EQ(stats["flows"]["half_closed_by"], json::parse(R"({"client":3,"server":4})"));
    EXPECT_EQ(stats["flows"]["half_closed_ages"][6], json::parse(R"({"up_to_s":60.0,"count":7})"));
    EXPECT_EQ(stats["probes"]["answers"]["orphan"], 8);
    EXPECT_EQ(stats["probes"]["answers"].size(), engine::kAnswerCount);
    EXPECT_EQ(stats["packets"]["verdicts"], json::parse(R"({"accept":10,"release":20,"drop":30})"));
    EXPECT_EQ(stats["latency"]["buckets"][5], json::parse(R"({"up_to_s":5e-05,"count":60})"));
    EXPECT_EQ(stats["latency"]["buckets"].back(), json::parse(R"({"up_to_s":null,"count":2})"));
    EXPECT_DOUBLE_EQ(stats["latency"]["sum_s"], 2.0018);
    EXPECT_EQ(stats["per_shard"],
              json::parse(R"([{"packets":5,"flows":6,"cpu_s":1.5},{"packets":7,"flows":8,"cpu_s":0.0}])"));
}

TEST(Encode, ATimeoutThatIsOffIsNull) {
    policy::Policy policy;
    policy.name = "web";
    policy.timeouts.fin_wait_2 = policy::kOff;
    const json object = json::parse(policy_json(policy, {}));
    EXPECT_TRUE(object["fin_wait_2_s"].is_null());
    EXPECT_EQ(object["on_expiry"], "probe");
}

TEST(Encode, APolicyTellsWhatItsHalfClosesTeach) {
    engine::PolicyCounts counts;
    counts.observed = 5;
    counts.right = 2;
    counts.regret = 1;
    for (std::uint64_t i = 0; i < policy::kLeastSamples; ++i)
        counts.longest_idle.add(std::chrono::seconds(3));
    const json object = json::parse(policy_json(policy::Policy{}, counts));
    EXPECT_EQ(object["undecided"], 2);
    EXPECT_EQ(object["suggested_fin_wait_2_s"], 5.0);
    EXPECT_EQ(object["longest_idle"].size(), policy::Lasting::kBuckets);
    EXPECT_EQ(object["longest_idle"][2], json::parse(R"({"up_to_s":5.0,"count":20})"));
    EXPECT_TRUE(object["lasted"].back()["up_to_s"].is_null());
}

}  // namespace
}  // namespace finwait::control
