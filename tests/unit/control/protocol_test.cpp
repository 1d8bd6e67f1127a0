#include "control/protocol.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace finwait::control {
namespace {

using testing::HasSubstr;

TEST(Protocol, EveryCommandIsReadBackAsItWasWritten) {
    for (int i = 0; i <= static_cast<int>(Command::config); ++i) {
        Request request;
        request.command = static_cast<Command>(i);
        if (request.command == Command::kill) request.filter = "host 10.0.0.1 and policy \"a\\b\"";
        if (request.command == Command::show || request.command == Command::explain) request.id = "3f2a-17";
        if (request.command == Command::rules) request.backend = "nftables";
        const std::string line = request_line(request);
        ASSERT_EQ(line.back(), '\n');
        const auto read = parse_request(line);
        ASSERT_TRUE(std::holds_alternative<Request>(read)) << line;
        EXPECT_EQ(std::get<Request>(read), request) << line;
    }
}

Error refused(std::string_view line) {
    const auto read = parse_request(line);
    return std::holds_alternative<Error>(read) ? std::get<Error>(read)
                                               : Error{ErrorCode::failed, "accepted", 0};
}

TEST(Protocol, NonsenseIsACommandError) {
    for (const char* line :
         {"", "hello", "[]", "\"list\"", "{}", R"({"command":"destroy"})", R"({"command":7})",
          R"({"command":"list","filter":7})", R"({"command":"stats","filter":"port 80"})"}) {
        EXPECT_EQ(refused(line).code, ErrorCode::command) << line;
    }
}

TEST(Protocol, AMisspeltFilterDoesNotMeanAll) {
    const Error error = refused(R"({"command":"list","filtr":"port 80"})");
    EXPECT_EQ(error.code, ErrorCode::command);
    EXPECT_THAT(error.message, HasSubstr("\"filtr\""));
}

TEST(Protocol, KillWithoutAFilterIsRefused) {
    EXPECT_EQ(refused(R"({"command":"kill"})").code, ErrorCode::filter);
    EXPECT_EQ(refused(R"({"command":"kill","filter":" "})").code, ErrorCode::filter);
}

TEST(Protocol, AKillMayAskForPermissionOnly) {
    Request request;
    request.command = Command::kill;
    request.filter = "port 80";
    request.permission_only = true;
    EXPECT_EQ(std::get<Request>(parse_request(request_line(request))), request);
    EXPECT_EQ(refused(R"({"command":"list","permission":true})").code, ErrorCode::command);
}

TEST(Protocol, AnOrderHasAKeyAndALimit) {
    Request request;
    request.command = Command::list;
    request.sort = "idle";
    request.limit = 24;
    request.descending = true;
    EXPECT_EQ(std::get<Request>(parse_request(request_line(request))), request);
    for (const char* line :
         {R"({"command":"list","sort":"idle"})", R"({"command":"list","limit":3})",
          R"({"command":"list","sort":"beauty","limit":3})", R"({"command":"list","sort":7,"limit":3})",
          R"({"command":"list","sort":"idle","limit":0})",
          R"({"command":"list","sort":"idle","limit":10001})",
          R"({"command":"list","sort":"idle","limit":-1})"}) {
        EXPECT_THAT(refused(line).message, HasSubstr("expires")) << line;
    }
    EXPECT_EQ(refused(R"({"command":"count","sort":"idle","limit":3})").code, ErrorCode::command);
    EXPECT_EQ(refused(R"({"command":"list","descending":1})").code, ErrorCode::command);
}

TEST(Protocol, EventsHaveTypesAndMayBeFollowed) {
    Request request;
    request.command = Command::events;
    request.filter = "port 80";
    request.types = {"tcp_reset", "config_reload"};
    request.follow = true;
    request.fresh = true;
    EXPECT_EQ(std::get<Request>(parse_request(request_line(request))), request);
    EXPECT_EQ(refused(R"({"command":"events","types":[]})").code, ErrorCode::command);
    EXPECT_EQ(refused(R"({"command":"events","follow":"yes"})").code, ErrorCode::command);
    EXPECT_EQ(refused(R"({"command":"list","follow":true})").code, ErrorCode::command);
}

TEST(Protocol, FlowsMayBeNamedInsteadOfMatched) {
    Request request;
    request.command = Command::kill;
    request.ids = {"1-2", "3-4"};
    EXPECT_EQ(std::get<Request>(parse_request(request_line(request))), request);
    EXPECT_EQ(refused(R"({"command":"kill","ids":[]})").code, ErrorCode::command);
    EXPECT_EQ(refused(R"({"command":"kill","ids":[7]})").code, ErrorCode::command);
    EXPECT_EQ(refused(R"({"command":"kill","ids":"1-2"})").code, ErrorCode::command);
    EXPECT_EQ(refused(R"({"command":"kill","ids":["1-2"],"filter":"port 1"})").code, ErrorCode::command);
    EXPECT_EQ(refused(R"({"command":"show","ids":["1-2"]})").code, ErrorCode::command);
}

TEST(Protocol, AddressesAreOfListOnly) {
    Request request;
    request.command = Command::list;
    request.filter = "port 80";
    request.addresses = true;
    EXPECT_EQ(std::get<Request>(parse_request(request_line(request))), request);
    EXPECT_EQ(refused(R"({"command":"list","addresses":"yes"})").code, ErrorCode::command);
    EXPECT_EQ(refused(R"({"command":"count","addresses":true})").code, ErrorCode::command);
}

TEST(Protocol, GroupsAreOfCountOnly) {
    Request request;
    request.command = Command::count;
    request.filter = "port 80";
    for (const std::string_view by : kGroupings) {
        request.by = by;
        EXPECT_EQ(std::get<Request>(parse_request(request_line(request))), request);
    }
    EXPECT_EQ(refused(R"({"command":"count","by":"colour"})").code, ErrorCode::command);
    EXPECT_EQ(refused(R"({"command":"count","by":7})").code, ErrorCode::command);
    EXPECT_EQ(refused(R"({"command":"list","by":"port"})").code, ErrorCode::command);
}

TEST(Protocol, AReplyIsTakenApartWithoutReadingItsValue) {
    const auto reply = parse_reply(R"({"flow":{"id":"1-2","note":"\":"}})");
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->key, "flow");
    EXPECT_EQ(reply->json, R"({"id":"1-2","note":"\":"})");
    EXPECT_TRUE(parse_reply(R"({"done":{}})")->is_done());
    EXPECT_TRUE(parse_reply(R"({"error":{}})")->is_error());
    for (const char* line : {"", "{", "{}", R"({"flow"})", R"({"flow":})", "[1]"})
        EXPECT_FALSE(parse_reply(line)) << line;
}

TEST(Protocol, AnErrorIsReadBackAsItWasWritten) {
    const Error error{ErrorCode::filter, "found \"foo\"\nbar \xff", 7};
    const std::string line = error_line(error);
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
    const auto reply = parse_reply(std::string_view(line).substr(0, line.size() - 1));
    ASSERT_TRUE(reply);
    const Error read = parse_error(reply->json);
    EXPECT_EQ(read.code, ErrorCode::filter);
    EXPECT_EQ(read.column, 7U);
    EXPECT_THAT(read.message, HasSubstr("found \"foo\"\nbar "));
}

TEST(Protocol, AnErrorThatIsNoErrorStillSaysSomething) {
    EXPECT_FALSE(parse_error("7").message.empty());
    EXPECT_EQ(parse_error(R"({"code":"later","message":"x"})").code, ErrorCode::failed);
}

}  // namespace
}  // namespace finwait::control
