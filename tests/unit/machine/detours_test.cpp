// What links and routing rules keep our own packets from going the way of forwarded ones: messages as the
// kernel writes them, and what is asked of the kernel itself.
#include "machine/detours.hpp"

#include "support/own_namespace.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <netinet/in.h>

#include <gmock/gmock.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

namespace finwait::machine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

/// One message under construction.
class Message {
  public:
    static Message link(int index, const char* name) {
        Message m(RTM_NEWLINK);
        m.fixed<ifinfomsg>().ifi_index = index;
        mnl_attr_put_strz(m.head_, IFLA_IFNAME, name);
        return m;
    }
    static Message rule(std::uint8_t tos = 0) {
        Message m(RTM_NEWRULE);
        auto& header = m.fixed<fib_rule_hdr>();
        header.family = AF_INET;
        header.tos = tos;
        return m;
    }
    Message& kind(std::uint16_t type, const char* kind) {
        nlattr* nest = mnl_attr_nest_start(head_, IFLA_LINKINFO);
        mnl_attr_put_strz(head_, type, kind);
        mnl_attr_nest_end(head_, nest);
        return *this;
    }
    Message& text(std::uint16_t type, const char* value) {
        mnl_attr_put_strz(head_, type, value);
        return *this;
    }
    Message& ports(std::uint16_t type, std::uint16_t from, std::uint16_t to) {
        const fib_rule_port_range range{from, to};
        mnl_attr_put(head_, type, sizeof range, &range);
        return *this;
    }
    Message& byte(std::uint16_t type, std::uint8_t value) {
        mnl_attr_put_u8(head_, type, value);
        return *this;
    }
    [[nodiscard]] nlmsghdr& operator*() const { return *head_; }

  private:
    explicit Message(std::uint16_t type) : head_(mnl_nlmsg_put_header(room_->data())) {
        head_->nlmsg_type = type;
    }
    template<typename T>
    T& fixed() {
        return *static_cast<T*>(mnl_nlmsg_put_extra_header(head_, sizeof(T)));
    }

    std::shared_ptr<std::array<char, 512>> room_ = std::make_shared<std::array<char, 512>>();
    nlmsghdr* head_;
};

Detours of(const std::vector<Message>& messages) {
    DetourScan scan;
    for (const Message& message : messages)
        scan.take(*message);
    return scan.found();
}

TEST(Detours, ThereAreNoneWithoutVrfsAndSpecialRules) {
    EXPECT_TRUE(of({Message::link(1, "lo"), Message::link(2, "eth0").kind(IFLA_INFO_KIND, "veth"),
                    Message::rule(), Message::rule().text(FRA_OIFNAME, "eth0")})
                    .empty());
}

TEST(Detours, AreVrfsAndTheirInterfaces) {
    const Detours found = of({Message::link(9, "blue").kind(IFLA_INFO_KIND, "vrf"),
                              Message::link(4, "eth1").kind(IFLA_INFO_SLAVE_KIND, "vrf"),
                              Message::link(5, "eth2").kind(IFLA_INFO_SLAVE_KIND, "bridge")});
    EXPECT_THAT(found.vrf, ElementsAre(4, 9));
    EXPECT_THAT(found.vrf_names, ElementsAre("blue", "eth1"));
    EXPECT_THAT(found.ruled, IsEmpty());
}

TEST(Detours, AreInterfacesThatRulesChooseByWhereverTheyStandInTheList) {
    const Detours found =
        of({Message::rule().text(FRA_IIFNAME, "guest"), Message::link(7, "guest"),
            Message::rule().text(FRA_IIFNAME, "gone"), Message::rule().text(FRA_IIFNAME, "guest")});
    EXPECT_THAT(found.ruled, ElementsAre(7));
    EXPECT_THAT(found.rules, ElementsAre("iif gone", "iif guest"));
    EXPECT_THAT(found.ports, IsEmpty());
}

TEST(Detours, ArePortsThatRulesChooseBy) {
    const Detours found = of(
        {Message::rule().ports(FRA_DPORT_RANGE, 443, 443), Message::rule().ports(FRA_SPORT_RANGE, 10, 20)});
    EXPECT_THAT(found.ports, ElementsAre(Pair(10, 20), Pair(443, 443)));
    EXPECT_THAT(found.rules, ElementsAre("dport 443-443", "sport 10-20"));
}

TEST(Detours, AreAllConnectionsWhereARuleTellsForwardedOnesFromOurs) {
    for (const Message& rule :
         {Message::rule().text(FRA_IIFNAME, "lo"), Message::rule(0x10),
          Message::rule().byte(FRA_IP_PROTO, IPPROTO_TCP), Message::rule().byte(25, 10)})
        EXPECT_THAT(of({rule}).ports, ElementsAre(Pair(0, 65535)));
}

TEST(Detours, AMessageThatIsCutShortTellsNothing) {
    for (std::uint32_t length = 0; length <= sizeof(nlmsghdr) + sizeof(ifinfomsg); ++length) {
        const Message link = Message::link(9, "blue").kind(IFLA_INFO_KIND, "vrf");
        (*link).nlmsg_len = length;
        EXPECT_TRUE(of({link}).empty());
    }
}

TEST(Detours, AreReadFromTheKernelAndItsChangesAreNoticed) {
    FINWAIT_NEEDS_ROOT("makes links and rules in a namespace of its own");
    EXPECT_EQ(
        test::in_own_namespace([] {
            const DetourWatch watch;
            ASSERT_GE(watch.descriptor(), 0);
            EXPECT_EQ(scan_detours(), Detours());
            ASSERT_EQ(
                std::system("ip link add guest type veth peer name other && ip rule add iif guest table 9 && "
                            "ip -6 rule add iif guest table 9 && ip rule add dport 80 table 9"),
                0);
            char byte = 0;
            EXPECT_GT(recv(watch.descriptor(), &byte, 1, MSG_DONTWAIT), 0);
            watch.drain();
            EXPECT_LT(recv(watch.descriptor(), &byte, 1, MSG_DONTWAIT), 0);
            const auto found = scan_detours();
            ASSERT_TRUE(found);
            EXPECT_THAT(found->ruled, ElementsAre(if_nametoindex("guest")));
            EXPECT_THAT(found->ports, ElementsAre(Pair(80, 80)));
            EXPECT_THAT(found->rules, ElementsAre("dport 80-80", "iif guest"));
        }),
        "");
}

}  // namespace
}  // namespace finwait::machine
