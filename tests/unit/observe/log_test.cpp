// Log lines and their fields: kinds, and the way from an event to what a sink makes of it.
#include "observe/event_kinds.hpp"
#include "observe/journal.hpp"
#include "observe/logger.hpp"

#include <algorithm>
#include <cstdio>
#include <fcntl.h>
#include <set>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>

namespace finwait::observe {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::IsSupersetOf;

/// Of events and of all else.
std::vector<MessageKind> all_messages() {
    std::vector<MessageKind> all;
    for (const EventKind& one : event_kinds())
        all.push_back(one.message);
    for (std::size_t i = 0; i < kMessages; ++i)
        all.push_back(kind(static_cast<Message>(i)));
    return all;
}

TEST(MessageKinds, HaveIdsOf128BitsAndNamesEachOnlyOnce) {
    std::set<std::string_view> ids;
    std::set<std::string_view> names;
    for (const MessageKind& one : all_messages()) {
        EXPECT_EQ(one.id.size(), 32U) << one.name;
        EXPECT_EQ(one.id.find_first_not_of("0123456789abcdef"), std::string_view::npos) << one.name;
        EXPECT_TRUE(ids.insert(one.id).second) << one.name;
        EXPECT_TRUE(names.insert(one.name).second) << one.name;
    }
    EXPECT_EQ(names.size(), 27U);
}

TEST(MessageKinds, AreOnesThatOperatorsMayHaveBuiltAlertsOn) {
    EXPECT_EQ(kind(engine::EventType::reset).message.id, "e0722a8304774bd9ae6b996b7c53132d");
    EXPECT_EQ(kind(engine::EventType::stopped).message.id, "49ccd4d1dec24bab820071599a90c9df");
    EXPECT_EQ(kind(Message::started).id, "889d3f2955114076bf650c59531c39d6");
}

TEST(LogLine, ComesApartAsItWasMade) {
    const Line line =
        Line(kind(engine::EventType::reset).message, "what happened").with("FINWAITD_FLOW", "3f2a-17");
    const LineParts parts = take_apart(line.payload());
    EXPECT_EQ(parts.text, "what happened");
    EXPECT_THAT(parts.fields, ElementsAre("MESSAGE_ID=e0722a8304774bd9ae6b996b7c53132d",
                                          "FINWAITD_EVENT=flow_reset", "FINWAITD_FLOW=3f2a-17"));
}

TEST(LogLine, CannotBeGivenFieldsByWhatItQuotes) {
    const Line line = Line(Message::stopping, "a\x1fPRIORITY=0").with("FINWAITD_REASON", "b\x1fPRIORITY=0");
    const LineParts parts = take_apart(line.payload());
    EXPECT_EQ(parts.text, "a PRIORITY=0");
    EXPECT_EQ(parts.fields.back(), "FINWAITD_REASON=b PRIORITY=0");
}

TEST(LogLine, MayBeAnyOtherText) {
    const LineParts parts = take_apart("rules installed");
    EXPECT_EQ(parts.text, "rules installed");
    EXPECT_THAT(parts.fields, IsEmpty());
}

TEST(LogLine, OfAnEventNamesFlowEndsPolicyAndReason) {
    engine::Event e;
    e.type = engine::EventType::reset;
    e.id = *engine::FlowId::parse("3f2a-17");
    e.client = {*tcp::Address::parse("2001:db8::2"), 40312};
    e.server = {*tcp::Address::parse("192.0.2.80"), 443};
    e.closer = tcp::Role::client;
    e.reason = "idle for fin_wait_2";
    const Line line = line_of(e, "web");
    const LineParts parts = take_apart(line.payload());
    EXPECT_EQ(parts.text, describe(e, "web"));
    EXPECT_THAT(parts.fields,
                IsSupersetOf({"FINWAITD_EVENT=flow_reset", "FINWAITD_FLOW=3f2a-17",
                              "FINWAITD_CLIENT=[2001:db8::2]:40312", "FINWAITD_SERVER=192.0.2.80:443",
                              "FINWAITD_POLICY=web", "FINWAITD_REASON=idle for fin_wait_2",
                              "FINWAITD_CLOSER=client"}));
}

TEST(Logger, TakesStderrForTheJournalOnlyWhereJournalStreamNamesThatFile) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    struct stat status {};
    ASSERT_EQ(::fstat(ends[1], &status), 0);
    const std::string own = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
    EXPECT_TRUE(is_journal(own.c_str(), ends[1]));
    EXPECT_FALSE(is_journal((own + "1").c_str(), ends[1]));
    EXPECT_FALSE(is_journal("", ends[1]));
    EXPECT_FALSE(is_journal(nullptr, ends[1]));
    ::close(ends[0]);
    ::close(ends[1]);
    EXPECT_FALSE(is_journal(own.c_str(), ends[1]));
}

TEST(Logger, WritesOnlyTheTextToStderr) {
    testing::internal::CaptureStderr();
    spdlog::logger logger("test", make_sink(false));
    logger.set_pattern("%l: %v");
    Line(Message::stopping, "stopping").with("FINWAITD_REASON", "hidden").log(logger, spdlog::level::warn);
    logger.flush();
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "warning: stopping\n");
}

/// Puts a small pipe in stderr's place.
class PipeForStderr {
  public:
    PipeForStderr() : saved_(::dup(STDERR_FILENO)) {
        EXPECT_EQ(::pipe2(ends_, O_CLOEXEC), 0);
        EXPECT_GT(::fcntl(ends_[1], F_SETPIPE_SZ, 8192), 0);  // two pages: one line does not fill it
        ::dup2(ends_[1], STDERR_FILENO);
    }
    PipeForStderr(const PipeForStderr&) = delete;
    PipeForStderr& operator=(const PipeForStderr&) = delete;
    ~PipeForStderr() {
        ::dup2(saved_, STDERR_FILENO);
        for (const int one : {ends_[0], ends_[1], saved_})
            ::close(one);
    }
    /// What lies in it.
    std::string take() {
        std::string text(65536, '\0');
        const ssize_t got = ::read(ends_[0], text.data(), text.size());
        text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return text;
    }

  private:
    int saved_;
    int ends_[2] = {-1, -1};
};

TEST(Logger, DropsLinesThatNobodyTakesAndSaysHowMany) {
    std::string first;
    std::string then;
    {
        PipeForStderr pipe;
        spdlog::logger logger("test", make_sink(false));
        logger.set_pattern("%v");
        for (int i = 0; i < 1000; ++i)
            logger.warn("line {:04} {}", i, std::string(100, 'x'));
        first = pipe.take();
        logger.warn("again");
        then = pipe.take();
    }
    EXPECT_TRUE(first.starts_with("line 0000 "));
    EXPECT_THAT(then,
                testing::MatchesRegex("9[0-9][0-9] log lines are missing here: nobody took them\nagain\n"));
}

}  // namespace
}  // namespace finwait::observe
