// What the kernel says of real sockets, in a namespace of the test's own.
#include "host/sockets.hpp"

#include "host/addresses.hpp"
#include "host/socket_list.hpp"
#include "support/own_namespace.hpp"

#include <arpa/inet.h>
#include <cstring>
#include <memory>
#include <net/if.h>
#include <netinet/in.h>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace finwait::host {
namespace {

tcp::Endpoint name_of(const sockaddr_in6& name) {
    const auto bytes = std::span<const std::uint8_t, 16>(name.sin6_addr.s6_addr);
    return {tcp::Address::v6(bytes), ntohs(name.sin6_port)};
}

/// A connection over loopback, from one socket of this process to another. They are dual-stack: with
/// "::ffff:127.0.0.1" it is one over IPv4.
struct Pair {
    explicit Pair(const char* address, const char* device = "") {
        const int listener = socket(AF_INET6, SOCK_STREAM, 0);
        sockaddr_in6 name{};
        socklen_t size = sizeof name;
        name.sin6_family = AF_INET6;
        EXPECT_EQ(inet_pton(AF_INET6, address, &name.sin6_addr), 1);
        setsockopt(listener, SOL_SOCKET, SO_BINDTODEVICE, device,
                   static_cast<socklen_t>(std::strlen(device)));
        EXPECT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
        EXPECT_EQ(listen(listener, 1), 0);
        getsockname(listener, reinterpret_cast<sockaddr*>(&name), &size);
        server = name_of(name);
        client_fd = socket(AF_INET6, SOCK_STREAM, 0);
        EXPECT_EQ(connect(client_fd, reinterpret_cast<sockaddr*>(&name), size), 0);
        getsockname(client_fd, reinterpret_cast<sockaddr*>(&name), &size);
        client = name_of(name);
        server_fd = accept(listener, nullptr, nullptr);
        listener_fd = listener;
    }
    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;
    ~Pair() {
        for (const int fd : {client_fd, server_fd, listener_fd})
            if (fd >= 0) close(fd);
    }
    void let_go_of_client() { close(std::exchange(client_fd, -1)); }

    int listener_fd = -1;
    int client_fd = -1;
    int server_fd = -1;
    tcp::Endpoint client;
    tcp::Endpoint server;
};

class SocketsTest : public testing::Test {
  protected:
    void SetUp() override {
        FINWAIT_NEEDS_ROOT("asks for sockets, and ends them, in a namespace of its own");
    }

    /// Calls `test` with a way to ask, in its own namespace, once for each IP version.
    template<typename Test>
    static void over_both_versions(Test test) {
        for (const char* address : {"::ffff:127.0.0.1", "::1"}) {
            SCOPED_TRACE(address);
            EXPECT_EQ(test::in_own_namespace([&] {
                          auto opened = Sockets::open();
                          ASSERT_TRUE(std::holds_alternative<Sockets>(opened))
                              << std::get<SocketError>(opened).message;
                          test(std::get<Sockets>(opened), address);
                      }),
                      "");
        }
    }

    static std::optional<Socket> find(Sockets& sockets, const tcp::Endpoint& local,
                                      const tcp::Endpoint& remote) {
        const auto found = sockets.find(local, remote);
        if (const auto* error = std::get_if<SocketError>(&found)) {
            ADD_FAILURE() << error->message;
            return std::nullopt;
        }
        return std::get<std::optional<Socket>>(found);
    }
};

/// The closer, once its FIN has been acknowledged: by a timer, some milliseconds later.
std::optional<Socket> find_closer(Sockets& sockets, const Pair& pair) {
    for (int i = 0; i < 500; ++i) {
        const auto found = sockets.find(pair.client, pair.server);
        const auto* socket = std::get_if<std::optional<Socket>>(&found);
        if (socket != nullptr && *socket && (*socket)->state == tcp::State::fin_wait_2) return *socket;
        usleep(10'000);
    }
    return std::nullopt;
}

TEST_F(SocketsTest, AHalfClosedConnectionIsFoundByEitherEndInItsState) {
    over_both_versions([](Sockets& sockets, const char* address) {
        const Pair pair(address);
        shutdown(pair.client_fd, SHUT_WR);
        const auto client = find_closer(sockets, pair);
        const auto server = find(sockets, pair.server, pair.client);
        ASSERT_TRUE(client && server);
        EXPECT_EQ(server->state, tcp::State::close_wait);
        EXPECT_FALSE(client->orphaned || server->orphaned || client->record);
    });
}

TEST_F(SocketsTest, OneThatItsApplicationHasLetGoIsAnOrphan) {
    over_both_versions([](Sockets& sockets, const char* address) {
        Pair pair(address);
        pair.let_go_of_client();
        const auto client = find_closer(sockets, pair);
        ASSERT_TRUE(client);
        EXPECT_TRUE(client->orphaned);
        EXPECT_TRUE(client->record);
    });
}

TEST_F(SocketsTest, AListenerIsNotTheConnectionThatIsGone) {
    over_both_versions([](Sockets& sockets, const char* address) {
        const Pair pair(address);
        const tcp::Endpoint nobody{pair.client.address, 1};
        EXPECT_FALSE(find(sockets, pair.server, nobody));
    });
}

TEST_F(SocketsTest, OneThatIsBoundToADeviceIsFoundToo) {
    over_both_versions([](Sockets& sockets, const char* address) {
        const Pair pair(address, "lo");
        const auto server = find(sockets, pair.server, pair.client);
        ASSERT_TRUE(server);
        EXPECT_EQ(server->device, if_nametoindex("lo"));
    });
}

TEST_F(SocketsTest, EndingOneTellsItsPeerAndLeavesTheListenerAlone) {
    over_both_versions([](Sockets& sockets, const char* address) {
        if (!sockets.can_end()) GTEST_SKIP() << "needs CONFIG_INET_DIAG_DESTROY";
        const Pair pair(address);
        shutdown(pair.client_fd, SHUT_WR);
        const auto server = find(sockets, pair.server, pair.client);
        ASSERT_TRUE(server);
        EXPECT_EQ(sockets.end(pair.server, pair.client, *server), Ended::with_rst);
        EXPECT_FALSE(find(sockets, pair.server, pair.client));
        EXPECT_FALSE(find(sockets, pair.client, pair.server));
        char byte = 0;
        EXPECT_EQ(read(pair.client_fd, &byte, 1), -1);
        EXPECT_EQ(errno, ECONNRESET);
        // Its name is used up: nothing else goes by it, not even the listener.
        EXPECT_EQ(sockets.end(pair.server, pair.client, *server), Ended::no);
        EXPECT_EQ(listen(pair.listener_fd, 1), 0);
    });
}

TEST_F(SocketsTest, EndingARecordTellsNobody) {
    over_both_versions([](Sockets& sockets, const char* address) {
        if (!sockets.can_end()) GTEST_SKIP() << "needs CONFIG_INET_DIAG_DESTROY";
        Pair pair(address);
        pair.let_go_of_client();
        const auto client = find_closer(sockets, pair);
        ASSERT_TRUE(client);
        if (sockets.end(pair.client, pair.server, *client) == Ended::no)
            GTEST_SKIP() << "this kernel keeps records";
        EXPECT_FALSE(find(sockets, pair.client, pair.server));
        EXPECT_TRUE(find(sockets, pair.server, pair.client));
    });
}

TEST_F(SocketsTest, AnAddressIsLocalIfTheKernelDeliversToItHere) {
    EXPECT_EQ(test::in_own_namespace([] {
                  for (const char* here : {"127.0.0.1", "127.9.9.9", "::1"})
                      EXPECT_EQ(is_local(*tcp::Address::parse(here)), true) << here;
                  for (const char* elsewhere : {"192.0.2.1", "2001:db8::1"})
                      EXPECT_EQ(is_local(*tcp::Address::parse(elsewhere)), false) << elsewhere;
              }),
              "");
}

/// All of a namespace.
std::vector<ListedSocket> list_all() {
    std::vector<ListedSocket> all;
    auto opened = SocketList::open();
    if (const auto* error = std::get_if<SocketError>(&opened)) ADD_FAILURE() << error->message;
    while (auto* list = std::get_if<SocketList>(&opened)) {
        const auto piece = list->next_piece();
        if (const auto* error = std::get_if<SocketError>(&piece)) ADD_FAILURE() << error->message;
        const auto* some = std::get_if<std::vector<ListedSocket>>(&piece);
        if (some == nullptr || some->empty()) break;
        all.insert(all.end(), some->begin(), some->end());
    }
    return all;
}

std::optional<ListedSocket> listed(const tcp::Endpoint& local, const tcp::Endpoint& remote) {
    for (const ListedSocket& one : list_all())
        if (one.local == local && one.remote == remote) return one;
    return std::nullopt;
}

TEST_F(SocketsTest, AListHasBothEndsOfAHalfClosedConnectionAndTheirStates) {
    over_both_versions([](Sockets& sockets, const char* address) {
        Pair pair(address);
        EXPECT_EQ(listed(pair.client, pair.server).value().socket.state, tcp::State::established);
        shutdown(pair.client_fd, SHUT_WR);
        ASSERT_TRUE(find_closer(sockets, pair));
        EXPECT_EQ(listed(pair.client, pair.server).value().socket.state, tcp::State::fin_wait_2);
        EXPECT_EQ(listed(pair.server, pair.client).value().socket.state, tcp::State::close_wait);
        EXPECT_FALSE(listed(pair.client, pair.server).value().socket.orphaned);
        pair.let_go_of_client();
        EXPECT_TRUE(listed(pair.client, pair.server).value().socket.orphaned);
        bool listens = false;
        for (const ListedSocket& one : list_all())
            listens =
                listens || (one.socket.state == tcp::State::listen && one.local.port == pair.server.port);
        EXPECT_TRUE(listens);
    });
}

TEST_F(SocketsTest, AListTellsForHowLongASocketHasBeenIdle) {
    over_both_versions([](Sockets&, const char* address) {
        const Pair pair(address);
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        const auto idle = listed(pair.client, pair.server).value().idle;
        EXPECT_GE(idle, std::chrono::milliseconds(200));
        EXPECT_LT(idle, std::chrono::minutes(10));
    });
}

TEST_F(SocketsTest, AListOfManyIsComplete) {
    over_both_versions([](Sockets&, const char* address) {
        std::vector<std::unique_ptr<Pair>> pairs;
        for (int i = 0; i < 250; ++i)
            pairs.push_back(std::make_unique<Pair>(address));
        std::set<std::pair<tcp::Endpoint, tcp::Endpoint>> names;
        for (const ListedSocket& one : list_all())
            names.emplace(one.local, one.remote);
        for (const auto& pair : pairs) {
            EXPECT_TRUE(names.contains({pair->client, pair->server}));
            EXPECT_TRUE(names.contains({pair->server, pair->client}));
        }
    });
}

}  // namespace
}  // namespace finwait::host
