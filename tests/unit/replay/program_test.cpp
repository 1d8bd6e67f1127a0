// `finwaitctl replay` as a program: what it prints, where, and its exit status. Skipped when finwaitctl has
// not been built beside this test.

#include "replay/support.hpp"

#include <filesystem>
#include <sstream>
#include <sys/wait.h>

namespace finwait::replay::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

std::string program() {
    return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "finwaitctl";
}

std::string content(const std::string& path) {
    std::ostringstream out;
    out << std::ifstream(path).rdbuf();
    return out.str();
}

struct Finished {
    int status = -1;
    std::string out;
    std::string err;
};

/// `arguments` as a shell reads them.
Finished replay(const std::string& arguments) {
    const TemporaryFile out;
    const TemporaryFile err;
    const std::string command = program() + " replay " + arguments + " >" + out.path() + " 2>" + err.path();
    const int status = std::system(command.c_str());  // NOLINT(concurrency-mt-unsafe)
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content(out.path()), content(err.path())};
}

class Program : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!std::filesystem::exists(program())) GTEST_SKIP() << "skipped: no " << program();
        double t = 0;
        for (const Bytes& packet : Hosts{}.half_closed())
            file.add(t += 0.25, packet);
    }
    /// A sixth packet, whose bytes end too early.
    void break_off() const { file.append(PcapFile::head(2, 40, 40) + zeros(7)); }
    /// Ten minutes later the flow is still silent.
    void wait() const {
        Hosts others;
        others.client.port = 1;
        file.add(600, others.from_client(syn(1)));
    }

    PcapFile file{link::raw};
};

TEST_F(Program, PrintsOneLineAFlowAndASummary) {
    const Finished run = replay(file.path());
    EXPECT_EQ(run.status, 0);
    EXPECT_THAT(run.out,
                AllOf(StartsWith("FLOW  CLIENT"), HasSubstr("10.99.1.2:40000  10.99.2.2:80"),
                      HasSubstr("fin-wait-2/close-wait  client"), HasSubstr("\n5 packets: 5 TCP; 1 flow\n")));
    EXPECT_EQ(run.err, "");
}

TEST_F(Program, JsonIsTheListsObjectWithAHistoryInSecondsSinceTheFirstPacket) {
    const Finished run = replay("--json " + file.path());
    EXPECT_EQ(run.status, 0);
    EXPECT_THAT(run.out, AllOf(StartsWith("[\n{\"id\":\""),
                               HasSubstr(R"("client":{"addr":"10.99.1.2","port":40000,"state":"fin-wait-2"},)"
                                         R"("server":{"addr":"10.99.2.2","port":80,"state":"close-wait"},)"
                                         R"("closer":"client","age_s":1.0,"idle_s":0.0,"policy":"default",)"
                                         R"("expires_in_s":300.0,"phase":"watching","adopted":false)"),
                               HasSubstr(R"("history":[{"t":0.000000,"side":"client","state":"syn-sent",)"),
                               HasSubstr(R"({"t":0.250000,"side":"server","state":"syn-recv",)"),
                               HasSubstr(R"({"t":1.000000,"side":"client","state":"fin-wait-2",)"),
                               HasSubstr(R"("would_reset":[])")));
    EXPECT_EQ(run.out.substr(run.out.size() - 3), "\n]\n");
}

TEST_F(Program, ATimelineShowsEachStepAndWhatThePolicyWouldHaveReset) {
    wait();
    const Finished run = replay("--flow 1 " + file.path());
    EXPECT_EQ(run.status, 0);
    EXPECT_THAT(run.out,
                AllOf(HasSubstr("client FIN|ACK seq 1001 ack 5001 len 0"),
                      HasSubstr("it sent a FIN (3.10.4: CLOSE in ESTABLISHED sends a FIN)"),
                      HasSubstr("The policy would have reset it:\n  at 301.0"),
                      HasSubstr("policy default: idle for fin_wait_2 (if both sides, asked first, had not "
                                "shown that they are there); nothing came of the flow after that")));
}

TEST_F(Program, AConfigurationsPoliciesAreApplied) {
    wait();
    const std::string toml =
        "[[policy]]\nname = \"web\"\nmatch = \"port 80 and closer client\"\nfin_wait_2 = \"30s\"\n";
    const TemporaryFile config(Bytes(toml.begin(), toml.end()));
    const Finished run = replay("--json --config " + config.path() + " " + file.path());
    EXPECT_EQ(run.status, 0);
    EXPECT_THAT(run.out, HasSubstr(R"("policy":"web","reason":"idle for fin_wait_2","on_expiry":"probe")"));
    EXPECT_THAT(run.out, HasSubstr(R"("would_reset":[{"t":31.0)"));
}

TEST_F(Program, AConfigurationWithAnErrorIsExitStatusTwo) {
    const std::string toml = "[timeouts]\nfin_wait_2 = 5\n";
    const TemporaryFile config(Bytes(toml.begin(), toml.end()));
    const Finished run = replay("--config " + config.path() + " " + file.path());
    EXPECT_EQ(run.status, 2);
    EXPECT_THAT(run.err, HasSubstr(":2:"));
    EXPECT_EQ(run.out, "");
}

TEST_F(Program, ABrokenCaptureIsPrintedAsFarAsItWasReadAndThenFails) {
    break_off();
    const Finished run = replay(file.path());
    EXPECT_EQ(run.status, 1);
    EXPECT_THAT(run.out, HasSubstr("fin-wait-2/close-wait"));
    EXPECT_THAT(run.err, AllOf(StartsWith("finwaitctl: "), HasSubstr(": packet 6: truncated")));

    const Finished json = replay("--json " + file.path());
    EXPECT_EQ(json.status, 1);
    EXPECT_EQ(json.out.substr(json.out.size() - 3), "\n]\n");
    EXPECT_THAT(json.err, HasSubstr(": packet 6: truncated"));
}

TEST_F(Program, StandardInputIsRead) {
    const Finished run = replay("- <" + file.path());
    EXPECT_EQ(run.status, 0);
    EXPECT_THAT(run.out, HasSubstr("fin-wait-2/close-wait"));
}

TEST_F(Program, WhatIsNoCaptureFailsWithItsName) {
    const TemporaryFile text(Bytes(100, 'x'));
    const Finished run = replay(text.path());
    EXPECT_EQ(run.status, 1);
    EXPECT_EQ(run.out, "");
    EXPECT_THAT(run.err, StartsWith("finwaitctl: " + text.path() + ": not a pcap or pcapng capture"));
    EXPECT_THAT(replay("/nonexistent.pcap").err,
                StartsWith("finwaitctl: /nonexistent.pcap: No such file or directory"));
}

TEST_F(Program, AnUnknownLinkTypeIsNamedWithThoseThatAreSupported) {
    const PcapFile wifi(link::wifi);
    const Finished run = replay(wifi.path());
    EXPECT_EQ(run.status, 1);
    EXPECT_THAT(run.err, AllOf(HasSubstr("IEEE802_11"), HasSubstr("Ethernet, Linux cooked")));
}

TEST_F(Program, AFlowThatIsNotThereFails) {
    const Finished run = replay("--flow 2 " + file.path());
    EXPECT_EQ(run.status, 1);
    EXPECT_EQ(run.err, "finwaitctl: no flow 2: the capture has 1 flow\n");
}

TEST_F(Program, WithoutACaptureTheCommandLineIsWrong) {
    EXPECT_EQ(replay("").status, 2);
    EXPECT_EQ(replay("''").err, "finwaitctl: replay must be told which capture\n");
}

}  // namespace
}  // namespace finwait::replay::testing
