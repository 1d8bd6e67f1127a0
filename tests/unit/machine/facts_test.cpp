#include "machine/facts.hpp"

#include <fstream>
#include <unistd.h>

#include <gmock/gmock.h>

namespace finwait::machine {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Proc : public ::testing::Test {
  protected:
    Proc() : root(fs::temp_directory_path() / ("finwait-proc-" + std::to_string(::getpid()))) {}
    ~Proc() override { fs::remove_all(root); }

    void put(const std::string& file, const std::string& text) const {
        fs::create_directories((root / file).parent_path());
        std::ofstream(root / file) << text;
    }

    fs::path root;
};

TEST_F(Proc, IsReadAsFarAsItIsThere) {
    put("sys/net/netfilter/nf_conntrack_tcp_timeout_close_wait", "60\n");
    put("sys/net/netfilter/nf_conntrack_max", "262144\n");
    put("sys/net/netfilter/nf_conntrack_tcp_timeout_fin_wait", "nonsense\n");
    put("sys/net/ipv4/ip_forward", "1\n");
    put("sys/net/ipv6/conf/all/forwarding", "0\n");
    put("net/netfilter/nfnetlink_queue", "");
    put("net/stat/synproxy",
        "entries\t\tsyn_received\tcookie_invalid\tcookie_valid\tcookie_retrans\tconn_reopened\n"
        "00000000\t00000020\t00000001\t0000001f\t00000000\t00000000\n"
        "00000000\t00000000\t00000000\t00000001\t00000000\t00000000\n");
    const Facts f = read_proc(root);
    EXPECT_EQ(f.close_wait, Duration(std::chrono::seconds(60)));
    EXPECT_EQ(f.fin_wait, std::nullopt);
    EXPECT_EQ(f.conntrack_max, 262'144U);
    EXPECT_EQ(f.forwarding_v4, true);
    EXPECT_EQ(f.forwarding_v6, false);
    EXPECT_EQ(f.bridge_calls_iptables, std::nullopt);
    EXPECT_TRUE(f.queue);
    EXPECT_EQ(f.synproxied, 32U);
}

TEST_F(Proc, ThatIsEmptyTellsNothing) {
    const Facts f = read_proc(root);
    EXPECT_EQ(f.close_wait, std::nullopt);
    EXPECT_EQ(f.synproxied, 0U);
    EXPECT_FALSE(f.queue);
}

TEST(Flowtables, AreNamedAsNftListsThem) {
    const auto found = parse_flowtables(R"({"nftables":[{"metainfo":{"version":"1.0.6"}},
        {"flowtable":{"family":"inet","name":"ft","table":"filter","handle":3,"hook":"ingress","dev":["a","b"]}}]})");
    ASSERT_TRUE(found.has_value());
    EXPECT_THAT(*found, ElementsAre("inet filter ft"));
    EXPECT_THAT(*parse_flowtables(R"({"nftables":[]})"), IsEmpty());
}

TEST(Flowtables, OfAnOutputThatIsNoneAreUnknown) {
    for (const char* text : {"", "{", "[]", "{}", R"({"nftables":1})"})
        EXPECT_EQ(parse_flowtables(text), std::nullopt) << text;
    EXPECT_THAT(*parse_flowtables(R"({"nftables":[1,{"flowtable":[]},{"flowtable":{"name":7}}]})"),
                ElementsAre("? ? ?"));
}

TEST(Untracked, RulesAreFoundButForOurOwn) {
    EXPECT_THAT(parse_untracked(
                    "*raw\n-A OUTPUT -p tcp --dport 80 -j CT --notrack\n-A FINWAITD -j CT --notrack\nCOMMIT"),
                ElementsAre("-A OUTPUT -p tcp --dport 80 -j CT --notrack"));
    EXPECT_THAT(parse_untracked(
                    "table inet finwaitd {\n\t\tnotrack\n}\ntable ip raw {\n\t\ttcp dport 80 notrack\n}\n"),
                ElementsAre("tcp dport 80 notrack"));
    EXPECT_THAT(
        parse_untracked("table ip raw {\n\tchain FINWAITD {\n\t\tcounter packets 0 bytes 0 notrack\n\t}\n"
                        "\tchain OUTPUT {\n\t\ttcp dport 22 notrack\n\t}\n}\n"),
        ElementsAre("tcp dport 22 notrack"));
}

TEST(Synproxies, AreFoundInTheRulesOfBothTools) {
    EXPECT_THAT(
        parse_synproxies("*filter\n:SYNPROXY_IN - [0:0]\n-A FORWARD -p tcp -m conntrack --ctstate "
                         "INVALID,UNTRACKED -j SYNPROXY --sack-perm\nCOMMIT\n"),
        ElementsAre("-A FORWARD -p tcp -m conntrack --ctstate INVALID,UNTRACKED -j SYNPROXY --sack-perm"));
    EXPECT_THAT(parse_synproxies("table ip x {\n\tsynproxy https {\n\t\tmss 1460\n\t}\n\tchain y {\n"
                                 "\t\tct state invalid,untracked synproxy name \"https\"\n\t}\n}\n"),
                ElementsAre("ct state invalid,untracked synproxy name \"https\""));
    EXPECT_THAT(parse_synproxies("table ip x {\n\ttcp dport 80 accept\n}\n"), IsEmpty());
}

TEST(Helpers, AreFoundInTheRulesOfBothTools) {
    EXPECT_THAT(parse_helpers("*raw\n-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp\nCOMMIT\n"),
                ElementsAre("-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp"));
    EXPECT_THAT(
        parse_helpers("table ip x {\n\tct helper ftp {\n\t}\n\ttcp dport 21 ct helper set \"ftp\"\n}\n"),
        ElementsAre("tcp dport 21 ct helper set \"ftp\""));
}

TEST(MarkCopies, AreFoundInTheRulesOfBothToolsButForOurOwn) {
    EXPECT_THAT(
        parse_mark_copies("*mangle\n-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff\n"
                          "-A FINWAITD -j CONNMARK --set-xmark 0x40000000/0x40000000\nCOMMIT\n"),
        ElementsAre("-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff"));
    EXPECT_THAT(parse_mark_copies("table inet finwaitd {\n\t\tct mark set meta mark\n}\n"
                                  "table ip mangle {\n\t\tmeta mark set ct mark\n}\n"),
                ElementsAre("meta mark set ct mark"));
}

TEST(MarkCopies, ConcernTheBitsOfTheirMask) {
    for (const char* rule :
         {"-j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff",
          "-j CONNMARK --save-mark --nfmask 0xff --ctmask 0xffffffff", "-j CONNMARK --save-mark",
          "meta mark set ct mark", "counter packets 0 bytes 0 ct mark set mark",
          "tcp dport 80 ct mark set meta mark & 0xff0000ff"})
        EXPECT_TRUE(copies_bits(rule, 0x40000000)) << rule;
    for (const char* rule : {"-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xffffffff",
                             "-j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xbfffffff",
                             "meta mark set ct mark & 0x000000ff", "meta mark set ct mark and 0xff",
                             "counter packets 0 bytes 0 ct mark set mark and 0xff"})
        EXPECT_FALSE(copies_bits(rule, 0x40000000)) << rule;
}

TEST(Tracking, IsByRulesThatLookAtConnectionsOrTranslateThemAndNotByOurOwn) {
    EXPECT_THAT(parse_tracking(R"(table inet operator {
	chain forward {
		type filter hook forward priority filter; policy accept;
		ct state established accept
		tcp dport 22 accept
	}
}
table ip nat {
	chain out {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "wan" masquerade
	}
}
table inet finwaitd {
	chain intercept_forward {
		tcp flags fin,syn,rst ct mark set ct mark | 0x40000000
	}
}
table ip mangle {
	chain FINWAITD {
		meta l4proto tcp ct mark & 0x40000000 == 0x40000000 queue flags bypass to 0
	}
}
)"),
                ElementsAre("ct state established accept", "oifname \"wan\" masquerade"));
    EXPECT_THAT(parse_tracking(R"(*filter
:FORWARD ACCEPT [0:0]
-A FORWARD -m state --state RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -p tcp --dport 22 -j ACCEPT
-A FINWAITD -m mark --mark 0x40000000/0x40000000 -j CONNMARK --set-xmark 0x0/0x40000000
COMMIT
*raw
-A PREROUTING -p tcp -j CT --notrack
COMMIT
)"),
                ElementsAre("-A FORWARD -m state --state RELATED,ESTABLISHED -j ACCEPT"));
}

}  // namespace
}  // namespace finwait::machine
