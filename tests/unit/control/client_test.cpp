// A client and a daemon that is silent: because it has nothing to say, or because it hangs.
#include "control/client.hpp"

#include "control/daemon.hpp"

#include <atomic>

#include <gmock/gmock.h>

namespace finwait::control::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

/// Listens, and never takes a connection: a daemon that is stopped.
class Stopped {
  public:
    explicit Stopped(int backlog) : descriptor_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path().copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(descriptor_, backlog), 0);
    }
    Stopped(const Stopped&) = delete;
    Stopped& operator=(const Stopped&) = delete;
    ~Stopped() { ::close(descriptor_); }

    [[nodiscard]] std::string path() const { return directory_.file("control.sock"); }

  private:
    TemporaryDirectory directory_;
    int descriptor_;
};

TEST(Client, GivesADaemonUpThatDoesNotAnswer) {
    const Stopped daemon(16);
    auto connected = Client::connect(daemon.path(), milliseconds(200));
    ASSERT_TRUE(std::holds_alternative<Client>(connected));
    auto& client = std::get<Client>(connected);
    EXPECT_TRUE(client.send({}));
    EXPECT_FALSE(client.next_line());
    EXPECT_THAT(client.problem(), HasSubstr("finwaitd does not answer (for 0.2 s)"));
    EXPECT_TRUE(client.silent());
}

TEST(Client, GivesADaemonUpThatDoesNotEvenTakeConnections) {
    const Stopped daemon(0);
    std::vector<std::variant<Client, ConnectError>> attempts;
    for (int i = 0; i < 3; ++i)
        attempts.push_back(Client::connect(daemon.path(), milliseconds(100)));
    const auto* error = std::get_if<ConnectError>(&attempts.back());
    ASSERT_NE(error, nullptr);
    EXPECT_EQ(error->failure, ConnectFailure::silent);
    EXPECT_THAT(error->message, HasSubstr("finwaitd does not answer"));
}

TEST(Client, WaitsForADaemonThatLivesAndHasNothingToSay) {
    Daemon daemon;
    daemon.silent = true;  // its shard answers nothing before its time is up
    daemon.options.shard_timeout = seconds(2);
    daemon.start();
    auto connected = Client::connect(daemon.path(), milliseconds(500));
    ASSERT_TRUE(std::holds_alternative<Client>(connected));
    auto& client = std::get<Client>(connected);
    EXPECT_TRUE(client.send({Command::count, "", "", ""}));
    const auto line = client.next_line();
    ASSERT_TRUE(line) << client.problem();
    EXPECT_THAT(std::string(*line), HasSubstr("does not answer"));
}

TEST(Client, ADaemonThatTurnsItsPingsAwayLives) {
    Daemon daemon;
    daemon.silent = true;
    daemon.options.shard_timeout = seconds(2);
    daemon.options.max_connections = 1;
    daemon.options.reserved_connections = 0;
    daemon.start();
    auto connected = Client::connect(daemon.path(), milliseconds(500));
    auto& client = std::get<Client>(connected);
    EXPECT_TRUE(client.send({Command::count, "", "", ""}));
    EXPECT_TRUE(client.next_line()) << client.problem();
}

}  // namespace
}  // namespace finwait::control::test
