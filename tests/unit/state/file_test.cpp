#include "support.hpp"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace finwait::state::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kPlenty = 1U << 20U;

class StateFile : public ::testing::Test {
  protected:
    StateFile() {
        std::string name = ::testing::TempDir() + "finwaitd-state-XXXXXX";
        directory_ = mkdtemp(name.data());
        file_ = directory_ / "state";
    }
    ~StateFile() override { std::filesystem::remove_all(directory_); }

    [[nodiscard]] std::optional<std::string> put_one() const {
        bool more = true;
        return put(file_, origin(), [&](std::uint16_t& shard, Octets& batch) {
            shard = 0;
            batch = batch_of(few_flows());
            return std::exchange(more, false);
        });
    }
    void write(std::string_view text) const { std::ofstream(file_) << text; }
    [[nodiscard]] std::string refused() const {
        const auto taken = take(file_, kPlenty);
        const auto* reason = std::get_if<std::string>(&taken);
        return reason != nullptr ? *reason : "none";
    }
    [[nodiscard]] std::size_t files() const {
        const std::filesystem::directory_iterator all(directory_);
        return static_cast<std::size_t>(std::distance(begin(all), end(all)));
    }

    std::filesystem::path directory_;
    std::filesystem::path file_;
};

TEST_F(StateFile, IsTakenOnce) {
    ASSERT_FALSE(put_one());
    struct stat about {};
    stat(file_.c_str(), &about);
    EXPECT_EQ(about.st_mode & 0777U, 0600U);
    EXPECT_EQ(files(), 1U);
    const auto taken = take(file_, kPlenty);
    ASSERT_TRUE(std::holds_alternative<Loaded>(taken));
    EXPECT_EQ(std::get<Loaded>(taken).content.batches.size(), 1U);
    EXPECT_TRUE(std::holds_alternative<Absent>(take(file_, kPlenty)));
    EXPECT_EQ(files(), 0U);
}

TEST_F(StateFile, IsReplacedAsAWhole) {
    std::ofstream(file_.string() + ".new") << "left by one that was killed";
    ASSERT_FALSE(put_one());
    ASSERT_FALSE(put_one());
    EXPECT_EQ(files(), 1U);
    EXPECT_EQ(refused(), "none");
}

TEST_F(StateFile, SomethingElseThatIsThereIsNeitherRemovedNorOverwritten) {
    write("[Unit]\nDescription=important\n");
    EXPECT_EQ(refused(), "it is not a state file of finwaitd");
    EXPECT_THAT(*put_one(), HasSubstr("not a state file"));
    std::string text;
    std::getline(std::ifstream(file_), text);
    EXPECT_EQ(text, "[Unit]");
}

TEST_F(StateFile, WithoutADirectoryNothingIsWrittenAndTheReasonIsTold) {
    file_ = directory_ / "nowhere" / "state";
    EXPECT_THAT(*put_one(), HasSubstr("No such file or directory"));
    EXPECT_TRUE(std::holds_alternative<Absent>(take(file_, kPlenty)));
}

TEST_F(StateFile, AFullDiskIsToldAndLeavesNothingBehind) {
    ASSERT_FALSE(put_one());
    // A limit on the size of files is as good as a full disk.
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    rlimit small = before;
    small.rlim_cur = 100;
    setrlimit(RLIMIT_FSIZE, &small);
    const auto problem = put_one();
    setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_EQ(problem, "File too large");
    EXPECT_EQ(files(), 1U);
    EXPECT_EQ(refused(), "none") << "what was there before is still there";
}

TEST_F(StateFile, WhatOthersMayWriteIsNotTrusted) {
    ASSERT_FALSE(put_one());
    chmod(file_.c_str(), 0620);
    EXPECT_EQ(refused(), "others than its owner may write it");
    chmod(file_.c_str(), 0600);
    EXPECT_THAT(std::get<std::string>(take(file_, 10)), HasSubstr("larger"));
    if (geteuid() == 0) {
        ASSERT_EQ(chown(file_.c_str(), 65534, 65534), 0);
        EXPECT_EQ(refused(), "it belongs to another user");
    }
}

TEST_F(StateFile, ALinkIsNotFollowed) {
    ASSERT_FALSE(put_one());
    const auto real = directory_ / "real";
    std::filesystem::rename(file_, real);
    std::filesystem::create_symlink(real, file_);
    EXPECT_THAT(refused(), HasSubstr("cannot be opened"));
    EXPECT_TRUE(std::filesystem::exists(real));
}

}  // namespace
}  // namespace finwait::state::testing
