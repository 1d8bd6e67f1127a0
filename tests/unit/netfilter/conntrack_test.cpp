// What the kernel says of translated connections, made in a namespace of the test's own.
#include "netfilter/conntrack.hpp"

#include "netfilter/conntrack_message.hpp"
#include "netfilter/process.hpp"
#include "support/own_namespace.hpp"

#include <algorithm>
#include <array>
#include <netinet/in.h>

#include <gtest/gtest.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

namespace finwait::netfilter {
namespace {

tcp::Endpoint at(std::string_view address, std::uint16_t port) {
    return {*tcp::Address::parse(address), port};
}

tcp::Segment from_to(const tcp::Endpoint& source, const tcp::Endpoint& destination) {
    tcp::Segment segment;
    segment.source = source;
    segment.destination = destination;
    return segment;
}

TEST(Translation, GivesEachReceiverTheSourceThatItKnows) {
    const auto client = at("10.0.0.1", 1000), gateway = at("192.0.2.9", 5000);
    const auto service = at("192.0.2.1", 80), server = at("10.1.0.1", 8080);
    const Translation both{{client, gateway}, {server, service}};
    EXPECT_TRUE(both.between(client, server) && both.between(server, client));
    EXPECT_FALSE(both.between(client, service) || both.between(gateway, server));

    tcp::Segment to_client = from_to(server, client);
    both.apply(to_client);
    EXPECT_EQ(to_client.source, service);
    EXPECT_EQ(to_client.destination, client);
    tcp::Segment to_server = from_to(client, server);
    both.apply(to_server);
    EXPECT_EQ(to_server.source, gateway);
    EXPECT_EQ(to_server.destination, server);
}

TEST(ConntrackMessage, WhatIsNoEntryHasNoTranslation) {
    ConntrackRequest room{};
    const auto request = write_get(room, 1, at("10.0.0.1", 1), at("10.0.0.2", 2));
    ASSERT_FALSE(request.empty());
    EXPECT_EQ(read_translation(*reinterpret_cast<const nlmsghdr*>(request.data())), std::nullopt);
    EXPECT_TRUE(write_get(room, 1, at("10.0.0.1", 1), at("2001:db8::2", 2)).empty()) << "no such tuple";
}

/// A message of ctnetlink, attribute by attribute.
class Message {
  public:
    Message() {
        head_ = mnl_nlmsg_put_header(room_.data());
        head_->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8U | IPCTNL_MSG_CT_NEW;
        mnl_nlmsg_put_extra_header(head_, sizeof(nfgenmsg));
    }
    void tuple(std::uint16_t type, std::uint32_t source, std::uint32_t destination) {
        nlattr* const tuple = mnl_attr_nest_start(head_, type);
        nlattr* const ip = mnl_attr_nest_start(head_, CTA_TUPLE_IP);
        mnl_attr_put_u32(head_, CTA_IP_V4_SRC, htonl(source));
        mnl_attr_put_u32(head_, CTA_IP_V4_DST, htonl(destination));
        mnl_attr_nest_end(head_, ip);
        nlattr* const ports = mnl_attr_nest_start(head_, CTA_TUPLE_PROTO);
        mnl_attr_put_u8(head_, CTA_PROTO_NUM, IPPROTO_TCP);
        mnl_attr_put_u16(head_, CTA_PROTO_SRC_PORT, htons(1000));
        mnl_attr_put_u16(head_, CTA_PROTO_DST_PORT, htons(1000));
        mnl_attr_nest_end(head_, ports);
        mnl_attr_nest_end(head_, tuple);
    }
    void number(std::uint16_t type, std::uint16_t inner, std::uint32_t value) {
        nlattr* const outer = mnl_attr_nest_start(head_, type);
        mnl_attr_put_u32(head_, inner, htonl(value));
        mnl_attr_nest_end(head_, outer);
    }
    [[nodiscard]] const nlmsghdr& get() const { return *head_; }

  private:
    alignas(nlmsghdr) std::array<char, 512> room_{};
    nlmsghdr* head_;
};

/// Whether such an entry says that this machine shifts sequence numbers.
bool shifted(std::uint16_t type, std::uint16_t inner, std::uint32_t value) {
    Message message;
    message.tuple(CTA_TUPLE_ORIG, 0x0a000001, 0x0a010001);
    message.tuple(CTA_TUPLE_REPLY, 0x0a010001, 0x0a000001);
    message.number(type, inner, value);
    const auto translation = read_translation(message.get());
    EXPECT_TRUE(translation);
    const auto tracked = read_tracked(message.get());
    EXPECT_TRUE(tracked && tracked->translation.shifted == translation->shifted);
    return translation && translation->shifted;
}

TEST(ConntrackMessage, TellsWhetherThisMachineShiftsSequenceNumbers) {
    for (const std::uint16_t way : {CTA_SEQ_ADJ_ORIG, CTA_SEQ_ADJ_REPLY}) {
        EXPECT_TRUE(shifted(way, CTA_SEQADJ_OFFSET_AFTER, 0xfffffff0)) << "sixteen less";
        EXPECT_TRUE(shifted(way, CTA_SEQADJ_OFFSET_BEFORE, 1)) << "until what is under way is acknowledged";
        EXPECT_FALSE(shifted(way, CTA_SEQADJ_OFFSET_AFTER, 0));
        EXPECT_FALSE(shifted(way, CTA_SEQADJ_CORRECTION_POS, 5001)) << "by nothing";
    }
    EXPECT_TRUE(shifted(CTA_SYNPROXY, CTA_SYNPROXY_ISN, 77)) << "it will be, with the server's answer";
    EXPECT_FALSE(shifted(CTA_SYNPROXY, CTA_SYNPROXY_ISN, 0));
    EXPECT_FALSE(shifted(CTA_MARK, CTA_SEQADJ_OFFSET_AFTER, 1));
}

/// A connection, and how it is translated; an endpoint without port: not at all.
struct Made {
    tcp::Endpoint client, service, server, gateway;
};

/// Puts the connection into conntrack. Empty, or what went wrong.
std::string insert(const Made& c) {
    std::vector<std::string> command{
        *find_tool("conntrack"), "-I", "-p", "tcp", "--timeout", "100", "--state", "ESTABLISHED"};
    const auto option = [&](const char* name, const std::string& value) {
        command.insert(command.end(), {name, value});
    };
    option("-s", c.client.address.text());
    option("--sport", std::to_string(c.client.port));
    option("-d", c.service.address.text());
    option("--dport", std::to_string(c.service.port));
    if (c.server.port != 0) option("--dst-nat", c.server.text());
    if (c.gateway.port != 0) option("--src-nat", c.gateway.text());
    const ToolResult result = run_tool(command, "");
    return result.ok() ? "" : result.errors;
}

class ConntrackTest : public testing::Test {
  protected:
    void SetUp() override {
        FINWAIT_NEEDS_ROOT("asks conntrack in a namespace of its own");
        if (!find_tool("conntrack")) GTEST_SKIP() << "needs conntrack";
    }
};

std::optional<Translation> find(const tcp::Endpoint& a, const tcp::Endpoint& b) {
    auto opened = Conntrack::open();
    auto* conntrack = std::get_if<Conntrack>(&opened);
    if (conntrack == nullptr) {
        ADD_FAILURE() << std::get<ConntrackError>(opened).message;
        return std::nullopt;
    }
    auto found = conntrack->find(a, b);
    if (const auto* error = std::get_if<ConntrackError>(&found)) ADD_FAILURE() << error->message;
    const auto* translation = std::get_if<std::optional<Translation>>(&found);
    return translation != nullptr ? *translation : std::nullopt;
}

std::optional<Translation> search(const tcp::Endpoint& a, const tcp::Endpoint& b) {
    auto opened = Conntrack::open();
    Conntrack::Wanted wanted;
    wanted.try_emplace(std::minmax(a, b));
    wanted.try_emplace(std::minmax(at("10.9.9.9", 9), b));
    const auto error = std::get<Conntrack>(opened).search(wanted);
    if (error) ADD_FAILURE() << error->message;
    EXPECT_EQ(wanted.at(std::minmax(at("10.9.9.9", 9), b)), std::nullopt);
    return wanted.at(std::minmax(a, b));
}

TEST_F(ConntrackTest, FindsWhatIsTranslatedOnOneSideOrNoneAndSearchesForTheRest) {
    EXPECT_EQ(
        test::in_own_namespace([] {
            const auto client = at("10.0.0.1", 1000), service = at("192.0.2.1", 80);
            const auto server = at("10.1.0.1", 8080), gateway = at("192.0.2.9", 5000);
            EXPECT_EQ(find(client, service), std::nullopt);

            ASSERT_EQ(insert({client, server, {}, {}}), "");
            EXPECT_EQ(find(server, client), (Translation{{client, client}, {server, server}}));

            const auto masqueraded = at("10.0.0.2", 1000);
            ASSERT_EQ(insert({masqueraded, server, {}, gateway}), "");
            EXPECT_EQ(find(server, masqueraded), (Translation{{masqueraded, gateway}, {server, server}}));

            const auto redirected = at("10.0.0.3", 1000);
            ASSERT_EQ(insert({redirected, service, server, {}}), "");
            EXPECT_EQ(find(redirected, server), (Translation{{redirected, redirected}, {server, service}}));

            const auto both = at("10.0.0.4", 1000), shown = at("192.0.2.9", 5001);
            ASSERT_EQ(insert({both, service, server, shown}), "");
            EXPECT_EQ(find(both, server), std::nullopt);
            EXPECT_EQ(search(both, server), (Translation{{both, shown}, {server, service}}));
            EXPECT_EQ(search(server, at("10.0.0.5", 1000)), std::nullopt);
        }),
        "");
}

TEST_F(ConntrackTest, SaysWhenAnotherConnectionHasTheSameEndsAtTheForwardHook) {
    EXPECT_EQ(test::in_own_namespace([] {
                  const auto client = at("10.0.0.1", 1000), server = at("10.1.0.1", 8080);
                  ASSERT_EQ(insert({client, at("192.0.2.1", 80), server, at("10.0.0.1", 5001)}), "");
                  ASSERT_TRUE(search(client, server));
                  EXPECT_FALSE(search(client, server)->shared);
                  EXPECT_TRUE(search(client, server)->open);
                  ASSERT_EQ(insert({client, at("192.0.2.2", 80), server, at("10.0.0.1", 5002)}), "");
                  ASSERT_TRUE(search(client, server));
                  EXPECT_TRUE(search(client, server)->shared);
              }),
              "");
}

TEST_F(ConntrackTest, KnowsIpv6) {
    EXPECT_EQ(test::in_own_namespace([] {
                  const auto client = at("fd00::1", 1000), service = at("fd01::1", 80);
                  const auto server = at("fd02::1", 8080), gateway = at("fd03::1", 5000);
                  ASSERT_EQ(insert({client, service, server, gateway}), "");
                  EXPECT_EQ(find(client, server), std::nullopt);
                  EXPECT_EQ(search(client, server), (Translation{{client, gateway}, {server, service}}));
                  ASSERT_EQ(insert({at("fd00::2", 1), server, {}, {}}), "");
                  EXPECT_TRUE(find(at("fd00::2", 1), server).has_value());
              }),
              "");
}

std::vector<Tracked> everything() {
    std::vector<Tracked> all;
    auto opened = Conntrack::open();
    auto& conntrack = std::get<Conntrack>(opened);
    EXPECT_FALSE(conntrack.begin_dump());
    for (;;) {
        const auto piece = conntrack.next_piece();
        const auto* entries = std::get_if<std::vector<Tracked>>(&piece);
        if (entries == nullptr) ADD_FAILURE() << std::get<ConntrackError>(piece).message;
        if (entries == nullptr || entries->empty()) return all;
        all.insert(all.end(), entries->begin(), entries->end());
    }
}

std::string set_state(std::string_view state, const tcp::Endpoint& client, std::string_view status) {
    const ToolResult result =
        run_tool({*find_tool("conntrack"), "-U", "-p", "tcp", "-s", client.address.text(), "--state",
                  std::string(state), "--status", std::string(status)},
                 "");
    return result.ok() ? "" : result.errors;
}

TEST_F(ConntrackTest, ReadsTheWholeTableOfBothVersions) {
    EXPECT_EQ(test::in_own_namespace([] {
                  EXPECT_TRUE(everything().empty());
                  const auto service = at("192.0.2.1", 80), server = at("10.1.0.1", 8080);
                  for (std::uint16_t port = 1; port <= 50; ++port)
                      ASSERT_EQ(insert({at("10.0.0.1", port), service, server, {}}), "");
                  ASSERT_EQ(insert({at("fd00::1", 1000), at("fd01::1", 80), {}, {}}), "");
                  const auto all = everything();
                  EXPECT_EQ(all.size(), 51U);
                  const auto translated = std::ranges::count_if(all, [&](const Tracked& t) {
                      return t.translation.answerer == Face{server, service};
                  });
                  EXPECT_EQ(translated, 50);
              }),
              "");
}

TEST_F(ConntrackTest, TellsHowFarAConnectionIs) {
    EXPECT_EQ(test::in_own_namespace([] {
                  const auto client = at("10.0.0.1", 1000);
                  ASSERT_EQ(insert({client, at("10.1.0.1", 80), {}, {}}), "");
                  EXPECT_EQ(everything().at(0).stage, Tracked::Stage::opening) << "nothing has come back";
                  const std::pair<const char*, Tracked::Stage> stages[] = {
                      {"ESTABLISHED", Tracked::Stage::established}, {"FIN_WAIT", Tracked::Stage::fin_wait},
                      {"CLOSE_WAIT", Tracked::Stage::close_wait},   {"LAST_ACK", Tracked::Stage::last_ack},
                      {"TIME_WAIT", Tracked::Stage::time_wait},     {"SYN_RECV", Tracked::Stage::opening}};
                  for (const auto& [state, stage] : stages) {
                      ASSERT_EQ(set_state(state, client, "SEEN_REPLY"), "");
                      const Tracked tracked = everything().at(0);
                      EXPECT_EQ(tracked.stage, stage) << state;
                      EXPECT_EQ(tracked.closer, std::nullopt) << "no FIN has passed";
                      EXPECT_LE(tracked.left, std::chrono::seconds(100));
                  }
              }),
              "");
}

TEST_F(ConntrackTest, KnowsWhetherItKnowsAnything) {
    EXPECT_EQ(test::in_own_namespace([] {
                  auto opened = Conntrack::open();
                  auto& conntrack = std::get<Conntrack>(opened);
                  EXPECT_TRUE(conntrack.empty());
                  ASSERT_EQ(insert({at("10.0.0.1", 1000), at("10.1.0.1", 80), {}, {}}), "");
                  EXPECT_FALSE(conntrack.empty());
              }),
              "");
}

TEST_F(ConntrackTest, SetsItsOwnBitsOfTheMarkOnly) {
    EXPECT_EQ(test::in_own_namespace([] {
                  const auto client = at("10.0.0.1", 1000), service = at("192.0.2.1", 80);
                  ASSERT_EQ(insert({client, service, at("10.1.0.1", 8080), at("192.0.2.9", 5000)}), "");
                  auto opened = Conntrack::open();
                  auto& conntrack = std::get<Conntrack>(opened);
                  const Translation connection = everything().at(0).translation;
                  EXPECT_FALSE(conntrack.mark(connection, 0x5));
                  EXPECT_FALSE(conntrack.mark(connection, 0x40000000));
                  EXPECT_EQ(everything().at(0).mark, 0x40000005U);
                  const Translation other{{at("10.0.0.2", 1), client}, {service, service}};
                  EXPECT_TRUE(conntrack.mark(other, 0x5)) << "there is no such connection";
              }),
              "");
}

std::vector<Tracked> listed(std::uint32_t mark = 0) {
    auto opened = Conntrack::open();
    std::vector<Tracked> out;
    const auto error = std::get<Conntrack>(opened).list(mark, [&out](const Tracked& entry) {
        out.push_back(entry);
        return true;
    });
    if (error) ADD_FAILURE() << error->message;
    return out;
}

TEST_F(ConntrackTest, GivesAnEntryTimeAndRemovesItButNotOneThatHasTakenItsPlace) {
    EXPECT_EQ(test::in_own_namespace([] {
                  auto opened = Conntrack::open();
                  auto& conntrack = std::get<Conntrack>(opened);
                  const Made both{at("10.0.0.4", 1000), at("192.0.2.1", 80), at("10.1.0.1", 8080),
                                  at("192.0.2.9", 5001)};
                  ASSERT_EQ(insert(both), "");
                  const auto before = listed();
                  ASSERT_EQ(before.size(), 1U);
                  EXPECT_LE(before[0].left, std::chrono::seconds(100));
                  EXPECT_TRUE(listed(0x40000000).empty()) << "it has no mark";

                  conntrack.give_time(before[0].translation, std::chrono::seconds(500));
                  ASSERT_EQ(listed().size(), 1U);
                  EXPECT_GT(listed()[0].left, std::chrono::seconds(490));

                  ASSERT_EQ(set_state("TIME_WAIT", at("10.0.0.4", 1000), "SEEN_REPLY"), "");
                  ASSERT_EQ(listed()[0].stage, Tracked::Stage::time_wait);
                  conntrack.keep_half_closed(before[0].translation, std::chrono::seconds(700));
                  EXPECT_GT(listed()[0].left, std::chrono::seconds(690));
                  EXPECT_EQ(listed()[0].stage, Tracked::Stage::close_wait);

                  Translation another = before[0].translation;
                  another.entry ^= 1U;
                  conntrack.remove(another);
                  EXPECT_EQ(listed().size(), 1U);
                  conntrack.remove(before[0].translation);
                  EXPECT_TRUE(listed().empty());
              }),
              "");
}

/// To the client's own idea of the server goes a connection that ends elsewhere by DNAT.
TEST_F(ConntrackTest, DoesNotTakeAnotherConnectionWithTheSameTupleForIt) {
    EXPECT_EQ(test::in_own_namespace([] {
                  const auto client = at("10.0.0.1", 1000), service = at("192.0.2.1", 80);
                  ASSERT_EQ(insert({client, service, at("10.1.0.1", 8080), {}}), "");
                  EXPECT_EQ(find(client, service), std::nullopt);
              }),
              "");
}

}  // namespace
}  // namespace finwait::netfilter
