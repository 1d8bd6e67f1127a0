#include "config/listen.hpp"

#include "config/config_support.hpp"

#include <gmock/gmock.h>

namespace finwait::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Listen, IsAnAddressOfEitherVersionWithAPort) {
    EXPECT_EQ(parse_listen("127.0.0.1:9652"), Place(tcp::Endpoint{*tcp::Address::parse("127.0.0.1"), 9652}));
    EXPECT_EQ(parse_listen("[::1]:65535"), Place(tcp::Endpoint{*tcp::Address::parse("::1"), 65535}));
    EXPECT_EQ(parse_listen("0.0.0.0:1"), Place(tcp::Endpoint{tcp::Address::parse("0.0.0.0").value(), 1}));
}

TEST(Listen, IsThePathOfAUnixSocket) {
    EXPECT_EQ(parse_listen("unix:/run/metrics.sock"), Place(std::string("/run/metrics.sock")));
    EXPECT_TRUE(parse_listen("unix:/" + std::string(106, 'x')));
    EXPECT_FALSE(parse_listen("unix:/" + std::string(107, 'x')));
}

TEST(Listen, IsNothingElse) {
    for (const char* wrong : {"",
                              ":",
                              "9652",
                              ":9652",
                              "127.0.0.1",
                              "127.0.0.1:",
                              "127.0.0.1:0",
                              "127.0.0.1:65536",
                              "127.0.0.1:-1",
                              "127.0.0.1:80x",
                              "localhost:9652",
                              "::1:9652",
                              "[::1]",
                              "[::1]:",
                              "[127.0.0.1]:9652",
                              "[]:80",
                              "unix:",
                              "unix:relative",
                              "unix:/",
                              "unix:/run/",
                              "127.0.0.1:80 "})
        EXPECT_FALSE(parse_listen(wrong)) << wrong;
}

TEST(Listen, NamesAreSeparatedByCommas) {
    EXPECT_THAT(*parse_names("gw1,gw1.example.com"), ElementsAre("gw1", "gw1.example.com"));
    EXPECT_THAT(*parse_names(""), IsEmpty());
    for (const char* wrong : {",", "a,", ",a", "a b", "a:80", "[::1]", "http://a"})
        EXPECT_FALSE(parse_names(wrong)) << wrong;
}

TEST(Listen, AnErrorSaysWhatIsAllowed) {
    EXPECT_THAT(
        errors("metrics.listen = 'localhost:9652'"),
        ElementsAre(HasSubstr("metrics.listen: found the string \"localhost:9652\"; allowed: an address "
                              "with a port such as \"127.0.0.1:9652\" or \"[::1]:9652\"")));
    EXPECT_THAT(errors("metrics.listen = ''"), IsEmpty());
    EXPECT_THAT(errors("metrics.names = 'a b'"), ElementsAre(HasSubstr("metrics.names")));
}

}  // namespace
}  // namespace finwait::config
