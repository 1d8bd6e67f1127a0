#include "config/config_support.hpp"
#include "config/keys.hpp"
#include "config/profile.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace finwait::config {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::IsEmpty;
using testing::StartsWith;

class Load : public testing::Test {
  protected:
    Load() {
        std::string pattern = (fs::temp_directory_path() / "finwaitd-config-XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
    }
    ~Load() override { fs::remove_all(directory_); }
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;

    [[nodiscard]] std::string path(const std::string& name) const { return (directory_ / name).string(); }
    void write(const std::string& name, std::string_view text) const {
        fs::create_directories(fs::path(path(name)).parent_path());
        std::ofstream(path(name)) << text;
    }
    [[nodiscard]] Result load_main() const { return load(path("finwaitd.toml")); }

  private:
    fs::path directory_;
};

TEST_F(Load, NeedsNoDropIns) {
    write("finwaitd.toml", "mode = 'observe'");
    EXPECT_EQ(settings(load_main()).mode, Mode::observe);
}

TEST_F(Load, ALaterFilesKeyReplacesAnEarlierOnes) {
    write("finwaitd.toml", "mode = 'observe'\n[limits]\nflows = 1\nresets_per_second = 1");
    write("conf.d/20-b.toml", "limits.flows = 20");
    write("conf.d/10-a.toml", "limits.flows = 10\nlog.level = 'debug'");
    const auto s = settings(load_main());
    EXPECT_EQ(s.mode, Mode::observe);
    EXPECT_EQ(s.limits.flows, 20U);
    EXPECT_EQ(s.limits.resets_per_second, 1U);
    EXPECT_EQ(s.log.level, "debug");
}

TEST_F(Load, ALaterFilesPoliciesComeAfter) {
    write("finwaitd.toml", "[[policy]]\nname = 'main'\nmatch = ''");
    write("conf.d/20.toml", "[[policy]]\nname = 'twenty'\nmatch = ''");
    write("conf.d/10.toml", "[[policy]]\nname = 'ten'\nmatch = ''");
    const auto s = settings(load_main());
    ASSERT_EQ(s.policies.size(), 3U);
    EXPECT_EQ(s.policies[0].name, "main");
    EXPECT_EQ(s.policies[1].name, "ten");
    EXPECT_EQ(s.policies[2].name, "twenty");
}

TEST_F(Load, AGreaterPriorityComesFirstWhateverTheFile) {
    write("finwaitd.toml",
          "[[policy]]\nname = 'main'\nmatch = ''\n[[policy]]\nname = 'low'\nmatch = ''\npriority = 1");
    write("conf.d/10.toml", "[[policy]]\nname = 'ten'\nmatch = ''\npriority = 10");
    write("conf.d/20.toml", "[[policy]]\nname = 'twenty'\nmatch = ''\npriority = 10");
    const auto s = settings(load_main());
    std::vector<std::string> names;
    for (const auto& policy : s.policies)
        names.push_back(policy.name);
    EXPECT_THAT(names, ElementsAre("ten", "twenty", "low", "main"));
    EXPECT_EQ(settings(print(s)), s) << "what is printed is the same again";
}

TEST_F(Load, APriorityThatIsNoneIsAnError) {
    for (const auto* value : {"-1", "1001", "'high'", "1.5"}) {
        write("finwaitd.toml", "[[policy]]\nname = 'a'\nmatch = ''\npriority = " + std::string(value));
        EXPECT_THAT(errors(load_main()),
                    ElementsAre(AllOf(StartsWith(path("finwaitd.toml") + ":4:12: policy.priority: found "),
                                      EndsWith("allowed: an integer from 0 to 1000"))));
    }
}

TEST_F(Load, NamesItsFilesAndWarnsOfPoliciesThatAreNeverInForce) {
    write("finwaitd.toml", "[[policy]]\nname = 'all'\nmatch = ''");
    write("conf.d/10.toml", "[[policy]]\nname = 'late'\nmatch = 'port 443'");
    const Checked checked = check(path("finwaitd.toml"));
    EXPECT_THAT(checked.files, ElementsAre(path("finwaitd.toml"), path("conf.d/10.toml")));
    ASSERT_EQ(checked.warnings.size(), 1U);
    EXPECT_THAT(checked.warnings[0].text(),
                StartsWith(path("conf.d/10.toml") + ":2:8: policy \"late\" can never"));
    write("conf.d/10.toml", "[[policy]]\nname = 'late'\nmatch = 'port 443'\npriority = 1");
    EXPECT_THAT(check(path("finwaitd.toml")).warnings, IsEmpty());
}

TEST_F(Load, APolicyInheritsFromTheTimeoutsOfEveryFile) {
    write("finwaitd.toml", "[[policy]]\nname = 'main'\nmatch = ''");
    write("conf.d/10.toml", "timeouts.fin_wait_2 = '9s'");
    EXPECT_EQ(settings(load_main()).policies.at(0).timeouts.fin_wait_2, std::chrono::seconds(9));
}

TEST_F(Load, AProfileInADropInSetsWhatNoFileSets) {
    write("finwaitd.toml", "profile = 'normal'\n[timeouts]\nfin_wait_2 = '5m'");
    write("conf.d/10.toml", "profile = 'aggressive'\n[[policy]]\nname = 'a'\nmatch = ''\nclosing = '7s'");
    const auto s = settings(load_main());
    EXPECT_EQ(s.profile, Profile::aggressive);
    auto expected = preset(Profile::aggressive);
    expected.fin_wait_2 = std::chrono::minutes(5);  // set, if only to what is normal
    EXPECT_EQ(s.timeouts, expected);
    expected.closing = std::chrono::seconds(7);
    EXPECT_EQ(s.policies.at(0).timeouts, expected);
}

TEST_F(Load, AKeyInADropInOverridesTheProfile) {
    write("finwaitd.toml", "profile = 'conservative'");
    write("conf.d/10.toml", "timeouts.fin_wait_2 = '9s'");
    auto expected = preset(Profile::conservative);
    expected.fin_wait_2 = std::chrono::seconds(9);
    EXPECT_EQ(settings(load_main()).timeouts, expected);
}

TEST_F(Load, ReadsOnlyTomlFilesThatAreNotHidden) {
    write("finwaitd.toml", "");
    write("conf.d/README", "not toml");
    write("conf.d/.10.toml", "not toml");
    write("conf.d/10.toml.bak", "not toml");
    EXPECT_THAT(errors(load_main()), IsEmpty());
}

TEST_F(Load, ErrorsOfAllFilesComeInTheOrderOfReading) {
    write("finwaitd.toml", "x = 1\n[[policy]]\nname = 'a'\nmatch = ''");
    write("conf.d/10.toml", "a = = 1");
    write("conf.d/20.toml", "[[policy]]\nname = 'a'\nmatch = ''\n");
    fs::create_directory(path("conf.d/15.toml"));
    EXPECT_THAT(errors(load_main()),
                ElementsAre(StartsWith(path("finwaitd.toml") + ":1:1: x: found an unknown key"),
                            StartsWith(path("conf.d/10.toml") + ":1:"),
                            path("conf.d/15.toml") + ": cannot be read: it is a directory",
                            StartsWith(path("conf.d/20.toml") +
                                       ":2:8: policy.name: found the string \"a\", which is "
                                       "taken at " +
                                       path("finwaitd.toml") + ":3; ")));
}

TEST_F(Load, AContradictionAcrossFilesPointsAtTheLastWord) {
    write("finwaitd.toml", "timeouts.fin_wait_2 = '10m'");
    write("conf.d/10.toml", "timeouts.fin_wait_2_max = '5m'");
    EXPECT_THAT(errors(load_main()),
                ElementsAre(StartsWith(path("conf.d/10.toml") + ":1:27: timeouts.fin_wait_2_max: ")));
}

TEST_F(Load, AFileThatIsNotThereHasNoLine) {
    EXPECT_THAT(errors(load_main()),
                ElementsAre(path("finwaitd.toml") + ": cannot be read: No such file or directory"));
}

TEST_F(Load, RefusesAFileThatIsNoConfigurationBySizeAlone) {
    write("finwaitd.toml", std::string((1 << 20) + 1, '#'));
    EXPECT_THAT(errors(load_main()),
                ElementsAre(path("finwaitd.toml") + ": cannot be read: it is longer than 1048576 bytes"));
}

/// The one error of a configuration of which conf.d/10.toml is not a file.
std::string error_of(const Result& result) {
    const auto all = errors(result);
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? "" : all.front();
}

TEST_F(Load, AFifoIsRefusedAndNotWaitedFor) {
    write("finwaitd.toml", "");
    fs::create_directory(path("conf.d"));
    ASSERT_EQ(::mkfifo(path("conf.d/10.toml").c_str(), 0600), 0);
    EXPECT_EQ(error_of(load_main()), path("conf.d/10.toml") + ": cannot be read: it is a FIFO");
    fs::remove(path("finwaitd.toml"));
    fs::remove(path("conf.d/10.toml"));
    ASSERT_EQ(::mkfifo(path("finwaitd.toml").c_str(), 0600), 0);
    EXPECT_EQ(error_of(load_main()), path("finwaitd.toml") + ": cannot be read: it is a FIFO");
}

TEST_F(Load, WhateverElseIsNoFileIsRefusedByItsKind) {
    write("finwaitd.toml", "");
    fs::create_directory(path("conf.d"));
    const std::string drop_in = path("conf.d/10.toml");
    const std::string refused = drop_in + ": cannot be read: it is ";
    fs::create_symlink("/dev/zero", drop_in);
    EXPECT_EQ(error_of(load_main()), refused + "a device");
    fs::remove(drop_in);
    fs::create_symlink(path("nowhere"), drop_in);
    EXPECT_EQ(error_of(load_main()), refused + "a symbolic link to a file that does not exist");
    fs::remove(drop_in);
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    drop_in.copy(name.sun_path, sizeof name.sun_path - 1);
    const int listening = ::socket(AF_UNIX, SOCK_STREAM, 0);
    ASSERT_EQ(::bind(listening, reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    EXPECT_EQ(error_of(load_main()), refused + "a socket");
    ::close(listening);
}

TEST_F(Load, ADropInMayBeASymbolicLinkToAFile) {
    write("finwaitd.toml", "");
    write("elsewhere", "mode = 'observe'");
    fs::create_directory(path("conf.d"));
    fs::create_symlink(path("elsewhere"), path("conf.d/10.toml"));
    EXPECT_EQ(settings(load_main()).mode, Mode::observe);
}

TEST_F(Load, AFileThatGrowsWithoutEndIsReadToTheLimitOnly) {
    write("finwaitd.toml", "");
    fs::create_directory(path("conf.d"));
    std::ofstream(path("conf.d/10.toml"));
    fs::resize_file(path("conf.d/10.toml"), std::uintmax_t{1} << 33U);  // sparse
    EXPECT_EQ(error_of(load_main()),
              path("conf.d/10.toml") + ": cannot be read: it is longer than 1048576 bytes");
}

fs::path default_path() {
    return fs::path(__FILE__).parent_path() / "../../../etc/finwaitd.toml";
}

std::string default_file() {
    std::ifstream in(default_path());
    return {std::istreambuf_iterator<char>(in), {}};
}

/// The words of the next line that begins with `start`.
std::vector<std::string> words_of_line_with(std::istream& lines, const std::string& start) {
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(start)) continue;
        std::istringstream words(line);
        return {std::istream_iterator<std::string>(words), {}};
    }
    return {};
}

TEST(DefaultFile, HoldsEveryKeyWithItsDefault) {
    EXPECT_EQ(settings(load(default_path())), Settings{});

    const std::string text = default_file();
    std::istringstream keys(print(Settings{}));
    for (std::string line; std::getline(keys, line);) {
        const bool stands = text.find('\n' + line + '\n') != std::string::npos;
        EXPECT_TRUE(stands || text.find("\n# " + line + '\n') != std::string::npos) << line;
    }
}

TEST(DefaultFile, FollowsItsProfileWhereOnlyThatIsChanged) {
    std::string text = default_file();
    const std::string normal = "\nprofile = \"normal\"\n";
    const auto at = text.find(normal);
    ASSERT_NE(at, std::string::npos);
    text.replace(at, normal.size(), "\nprofile = \"aggressive\"\n");
    EXPECT_EQ(settings(text).timeouts, preset(Profile::aggressive));
}

TEST(DefaultFile, TellsWhatEachProfileSets) {
    constexpr std::array kProfiles = {Profile::conservative, Profile::normal, Profile::aggressive};
    std::istringstream lines(default_file());
    std::size_t told = 0;
    for (const auto& key : timeouts_keys()) {
        std::array<std::string, 3> values;
        std::ranges::transform(kProfiles, values.begin(), [&](Profile p) { return key.print(preset(p)); });
        if (values[0] == values[1] && values[1] == values[2]) continue;
        EXPECT_EQ(words_of_line_with(lines, "#   " + std::string(key.name) + ' '),
                  (std::vector<std::string>{"#", std::string(key.name), values[0], values[1], values[2]}));
        ++told;
    }
    EXPECT_EQ(told, 7U);
}

TEST(DefaultFile, ShowsAPolicyThatWorks) {
    const std::string text = default_file();
    const auto start = text.find("# [[policy]]");
    ASSERT_NE(start, std::string::npos);
    std::istringstream example(text.substr(start, text.find("\n\n", start) - start));
    std::string toml;
    for (std::string line; std::getline(example, line);)
        toml += line.substr(2) + '\n';
    const auto s = settings(toml);
    ASSERT_EQ(s.policies.size(), 1U);
    EXPECT_EQ(s.policies[0].name, "web");
}

}  // namespace
}  // namespace finwait::config
