// What top asks the daemon for, and what it makes of the answers.
#include "ctl/fake_daemon.hpp"
#include "ctl/top/source.hpp"
#include "engine/engine.hpp"

#include <poll.h>

#include <gmock/gmock.h>

namespace finwait::ctl::top {
namespace {

using control::data_line;
using control::done_line;
using nlohmann::json;
using test::FakeDaemon;
using testing::HasSubstr;

/// The next piece of news of its kind.
template<typename Kind>
Kind next(Source& source) {
    for (int i = 0; i < 100; ++i) {
        pollfd poll{source.descriptor(), POLLIN, 0};
        ::poll(&poll, 1, 100);
        for (News& news : source.take())
            if (auto* kind = std::get_if<Kind>(&news)) return std::move(*kind);
    }
    ADD_FAILURE() << "no such news";
    return {};
}

TEST(TopSource, AsksForFiguresAndForNoMoreFlowsThanAreSeen) {
    FakeDaemon daemon({data_line("stats", R"({"version":"1.2.3"})") + done_line(),
                       test::flow_line() + test::flow_line() + done_line(R"({"matched":5000})")});
    Question question;
    question.filter = "port 80";
    question.limit = 2;
    {
        Source source(daemon.path());
        source.want(question, std::nullopt);
        const Snapshot snapshot = next<Snapshot>(source);
        EXPECT_EQ(snapshot.question, question);
        EXPECT_EQ(snapshot.stats["version"], "1.2.3");
        EXPECT_EQ(snapshot.flows.size(), 2U);
        EXPECT_EQ(snapshot.matched, 5000U);
    }
    const auto& requests = daemon.requests();
    ASSERT_EQ(requests.size(), 2U);
    EXPECT_EQ(json::parse(requests[0]), json::parse(R"({"command":"stats"})"));
    EXPECT_EQ(
        json::parse(requests[1]),
        json::parse(R"({"command":"list","filter":"port 80","sort":"idle","descending":true,"limit":2})"));
}

TEST(TopSource, SaysInOneLineThatThereIsNoDaemon) {
    Source source("/nowhere/control.sock");
    source.want({}, std::nullopt);
    const std::string text = next<Trouble>(source).text;
    EXPECT_THAT(text, HasSubstr("cannot reach finwaitd at /nowhere/control.sock"));
    EXPECT_EQ(text.find('\n'), std::string::npos);
    EXPECT_EQ(text.find("finwaitctl:"), std::string::npos);
}

TEST(TopSource, AFlowThatIsGoneHasNoText) {
    FakeDaemon daemon({control::error_line({control::ErrorCode::not_found, "no flow 1-1", 0})});
    Source source(daemon.path());
    source.want({}, "1-1");
    EXPECT_TRUE(next<FlowText>(source).flow.is_null());
}

TEST(TopSource, AnAnswerThatCannotBeHadDoesNotMeanThatTheFlowIsGone) {
    FakeDaemon daemon({control::error_line({control::ErrorCode::timeout, "shard 0 does not answer", 0})});
    Source source(daemon.path());
    source.want({}, "1-1");
    EXPECT_EQ(next<Trouble>(source).text, "shard 0 does not answer");
}

TEST(TopSource, AnEndIsAskedForByItsIdAndFollowedUntilItIsKnown) {
    json ended = test::half_closed_flow();
    ended["outcome"] = "confirmed";
    FakeDaemon daemon({data_line("killed", R"({"id":"3f2a-17","result":"reset"})") + done_line(),
                       test::flow_line() + done_line(), data_line("flow", ended.dump()) + done_line()});
    {
        Source source(daemon.path());
        source.end(test::half_closed_flow());
        EXPECT_EQ(next<EndNews>(source).fate, Fate::pending);
        EXPECT_EQ(next<EndNews>(source).fate, Fate::pending);
        const EndNews end = next<EndNews>(source);
        EXPECT_EQ(end.fate, Fate::confirmed);
        EXPECT_EQ(end.text, "The reset is confirmed: reset, and gone from both ends");
    }
    EXPECT_EQ(json::parse(daemon.requests()[0]), json::parse(R"({"command":"kill","ids":["3f2a-17"]})"));
}

TEST(TopSource, WhatCannotBeEndedIsNotAskedForAndSaid) {
    json flow = test::half_closed_flow();
    flow["cannot_end"] = std::string(engine::name(engine::KillResult::untouchable));
    FakeDaemon daemon({done_line()});
    {
        Source source(daemon.path());
        source.end(flow);
        EXPECT_THAT(next<EndNews>(source).text, HasSubstr("It cannot be ended: "));
    }
    for (const std::string& request : daemon.requests())
        EXPECT_THAT(request, testing::Not(HasSubstr("kill")));
}

}  // namespace
}  // namespace finwait::ctl::top
