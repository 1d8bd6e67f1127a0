// The audit file: complete, opened anew, and harmless when it cannot be written.
#include "observe/audit.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <spdlog/sinks/ostream_sink.h>

namespace finwait::observe {
namespace {

using testing::HasSubstr;

class AuditFile : public testing::Test {
  protected:
    AuditFile() {
        std::string name = (std::filesystem::temp_directory_path() / "finwait-audit-XXXXXX").string();
        directory_ = ::mkdtemp(name.data());
    }
    ~AuditFile() override { std::filesystem::remove_all(directory_); }

    [[nodiscard]] std::string file(const std::string& name) const { return directory_ + "/" + name; }
    static std::vector<std::string> lines(const std::string& path) {
        std::ifstream in(path);
        std::vector<std::string> out;
        for (std::string line; std::getline(in, line);)
            out.push_back(line);
        return out;
    }
    static bool until(const std::function<bool()>& holds) {
        for (int i = 0; i < 500 && !holds(); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        return holds();
    }
    /// What was logged, once no audit writes any more.
    [[nodiscard]] std::string log() const { return log_.str(); }

    std::ostringstream log_;
    std::shared_ptr<spdlog::logger> logger =
        std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(log_));

  private:
    std::string directory_;
};

TEST_F(AuditFile, EventsAreWrittenInTheirOrderAndTheLastOnesAtTheEnd) {
    {
        Audit audit(logger);
        EXPECT_FALSE(audit.use(file("a")));
        for (int i = 0; i < 1000; ++i)
            audit.note(std::to_string(i));
        engine::Event event;
        event.reason = "because";
        audit.note(event, "web");
    }
    const auto written = lines(file("a"));
    ASSERT_EQ(written.size(), 1001U);
    for (std::size_t i = 0; i < 1000; ++i)
        EXPECT_EQ(written[i], std::to_string(i));
    EXPECT_THAT(written.back(), HasSubstr(R"("reason":"because")"));
    EXPECT_EQ(log(), "");
    struct stat status {};
    ::stat(file("a").c_str(), &status);
    EXPECT_EQ(status.st_mode & 0137U, 0U) << "not for everybody to read";
}

TEST_F(AuditFile, WithoutAFileNothingIsKept) {
    Audit audit(logger);
    EXPECT_FALSE(audit.use(""));
    EXPECT_FALSE(audit.on());
    audit.note("x");
    EXPECT_EQ(audit.lost(), 0U);
}

TEST_F(AuditFile, ARotatedFileIsOpenedAnew) {
    Audit audit(logger);
    EXPECT_FALSE(audit.use(file("a")));
    audit.note("one");
    ASSERT_TRUE(until([&] { return lines(file("a")).size() == 1; }));
    std::filesystem::rename(file("a"), file("a.1"));
    audit.note("two");
    ASSERT_TRUE(until([&] { return lines(file("a.1")).size() == 2; }));
    EXPECT_FALSE(audit.use(file("a")));
    audit.note("three");
    ASSERT_TRUE(until([&] { return lines(file("a")).size() == 1; }));
    EXPECT_EQ(lines(file("a"))[0], "three");
    EXPECT_FALSE(audit.use(""));
    audit.note("four");
    EXPECT_FALSE(audit.on());
}

TEST_F(AuditFile, APathThatCannotBeOpenedIsToldAndTheOldFileStays) {
    Audit audit(logger);
    EXPECT_FALSE(audit.use(file("a")));
    const auto problem = audit.use(file("no/such/directory"));
    ASSERT_TRUE(problem);
    EXPECT_THAT(*problem, HasSubstr("cannot be written: No such file or directory"));
    audit.note("still");
    EXPECT_TRUE(until([&] { return lines(file("a")).size() == 1; }));
}

TEST_F(AuditFile, AFullDiskIsOneErrorAndEveryEventThatItCostIsCounted) {
    {
        Audit audit(logger);
        ASSERT_FALSE(audit.use("/dev/full"));
        for (int i = 1; i <= 10; ++i) {
            audit.note("x");
            ASSERT_TRUE(until([&] { return audit.lost() == static_cast<std::uint64_t>(i); }));
        }
        EXPECT_FALSE(audit.use(file("a")));
        audit.note("back");
        EXPECT_TRUE(until([&] { return lines(file("a")).size() == 1; }));
    }
    EXPECT_THAT(log(), HasSubstr("audit file /dev/full cannot be written: No space left on device"));
    EXPECT_EQ(log().find("cannot be written"), log().rfind("cannot be written")) << log();
}

TEST_F(AuditFile, WhoeverReportsNeverWaitsForTheDisk) {
    const std::string pipe = file("pipe");
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    std::ifstream reader;
    std::thread opener([&] { reader.open(pipe); });
    {
        Audit audit(logger, 100);
        ASSERT_TRUE(until([&] { return !audit.use(pipe); }));
        opener.join();
        const auto begun = std::chrono::steady_clock::now();
        const std::string line(1000, 'x');
        for (int i = 0; i < 20'000; ++i)
            audit.note(line);
        EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
        EXPECT_TRUE(until([&] { return audit.lost() > 10'000; })) << audit.lost();
    }
    EXPECT_THAT(log(), HasSubstr("audit file"));
}

}  // namespace
}  // namespace finwait::observe
