#include "control/socket_file.hpp"

#include "control/daemon.hpp"

#include <fstream>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>

namespace finwait::control::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Opened = std::variant<SocketFile, std::string>;

std::string problem_of(const Opened& opened) {
    const auto* problem = std::get_if<std::string>(&opened);
    return problem == nullptr ? "" : *problem;
}

mode_t mode_of(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? status.st_mode : 0;
}

TEST(SocketFile, IsForItsGroupAndRemovedAtTheEnd) {
    const TemporaryDirectory directory;
    const std::string path = directory.file("control.sock");
    std::vector<std::string> notes;
    {
        const Opened opened = SocketFile::open(path, ::getgrgid(::getgid())->gr_name, notes);
        ASSERT_EQ(problem_of(opened), "");
        EXPECT_EQ(mode_of(path) & 07777U, 0660U);
        EXPECT_TRUE(S_ISSOCK(mode_of(path)));
        EXPECT_TRUE(Peer(path).connected());
    }
    EXPECT_EQ(mode_of(path), 0U);
    EXPECT_THAT(notes, IsEmpty());
}

TEST(SocketFile, ADirectoryThatIsNotThereIsNotMade) {
    const TemporaryDirectory directory;
    std::vector<std::string> notes;
    const Opened opened = SocketFile::open(directory.file("no/such/s"), "", notes);
    EXPECT_THAT(problem_of(opened), HasSubstr("there is no directory " + directory.file("no/such")));
    EXPECT_THAT(problem_of(opened), HasSubstr("control.socket"));
    EXPECT_EQ(mode_of(directory.file("no")), 0U);
}

TEST(SocketFile, AGroupThatDoesNotExistIsOnlyNoted) {
    const TemporaryDirectory directory;
    std::vector<std::string> notes;
    const Opened opened = SocketFile::open(directory.file("s"), "no-such-group", notes);
    EXPECT_EQ(problem_of(opened), "");
    EXPECT_THAT(notes, ElementsAre(HasSubstr("groupadd --system no-such-group")));
    EXPECT_EQ(mode_of(directory.file("s")) & 07777U, 0600U) << "for nobody's group, not even root's";
}

TEST(SocketFile, IsGivenToItsGroupOnceThatIsThere) {
    const TemporaryDirectory directory;
    std::vector<std::string> notes;
    Opened opened = SocketFile::open(directory.file("s"), "no-such-group", notes);
    ASSERT_EQ(problem_of(opened), "");
    auto& file = std::get<SocketFile>(opened);
    notes.clear();
    file.give_to("no-such-group", notes);
    EXPECT_THAT(notes, ElementsAre(HasSubstr("finwaitctl reload")));
    notes.clear();
    file.give_to(::getgrgid(::getgid())->gr_name, notes);
    EXPECT_EQ(mode_of(directory.file("s")) & 07777U, 0660U);
    file.give_to("no-such-group", notes);
    EXPECT_EQ(mode_of(directory.file("s")) & 07777U, 0660U) << "a name service may be away for a while";
    EXPECT_THAT(notes, IsEmpty());
}

TEST(SocketFile, AnothersFileInItsPlaceIsGivenToNobody) {
    const TemporaryDirectory directory;
    std::vector<std::string> notes;
    Opened opened = SocketFile::open(directory.file("s"), "no-such-group", notes);
    ASSERT_EQ(problem_of(opened), "");
    ASSERT_EQ(::unlink(directory.file("s").c_str()), 0);
    std::ofstream(directory.file("s")) << "another's";
    ASSERT_EQ(::chmod(directory.file("s").c_str(), 0600), 0);
    std::get<SocketFile>(opened).give_to(::getgrgid(::getgid())->gr_name, notes);
    EXPECT_EQ(mode_of(directory.file("s")) & 07777U, 0600U);
}

TEST(SocketFile, AStaleOneIsReplaced) {
    const TemporaryDirectory directory;
    const std::string path = directory.file("s");
    const int left = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    ASSERT_EQ(::bind(left, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::close(left);
    std::vector<std::string> notes;
    const Opened opened = SocketFile::open(path, "", notes);
    EXPECT_EQ(problem_of(opened), "");
    EXPECT_TRUE(Peer(path).connected());
}

TEST(SocketFile, ALiveOneIsLeftAloneAndItsOwnerNamed) {
    const TemporaryDirectory directory;
    const std::string path = directory.file("s");
    std::vector<std::string> notes;
    const Opened first = SocketFile::open(path, "", notes);
    ASSERT_EQ(problem_of(first), "");
    const Opened second = SocketFile::open(path, "", notes);
    EXPECT_THAT(problem_of(second),
                HasSubstr("in use by a running finwaitd (pid " + std::to_string(::getpid())));
    EXPECT_TRUE(Peer(path).connected());
}

TEST(SocketFile, AnotherKindOfFileIsLeftAlone) {
    const TemporaryDirectory directory;
    const std::string path = directory.file("s");
    std::ofstream(path) << "precious";
    std::vector<std::string> notes;
    EXPECT_THAT(problem_of(SocketFile::open(path, "", notes)), HasSubstr("another kind of file"));
    EXPECT_TRUE(S_ISREG(mode_of(path)));
}

TEST(SocketFile, ASuccessorsSocketIsNotRemoved) {
    const TemporaryDirectory directory;
    const std::string path = directory.file("s");
    std::vector<std::string> notes;
    Opened first = SocketFile::open(path, "", notes);
    ASSERT_EQ(problem_of(first), "");
    ASSERT_EQ(::unlink(path.c_str()), 0);
    const Opened second = SocketFile::open(path, "", notes);
    ASSERT_EQ(problem_of(second), "");
    std::get<SocketFile>(first).remove();
    EXPECT_TRUE(S_ISSOCK(mode_of(path)));
}

TEST(SocketFile, APathThatIsTooLongIsRefused) {
    std::vector<std::string> notes;
    EXPECT_THAT(problem_of(SocketFile::open("/tmp/" + std::string(200, 'x'), "", notes)),
                HasSubstr("107 bytes"));
}

}  // namespace
}  // namespace finwait::control::test
