#include "netfilter/queue_status.hpp"

#include "netfilter/queue.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <linux/netlink.h>

namespace finwait::netfilter {
namespace {

// /proc/net is the main thread's namespace; a thread may have one of its own.
constexpr const char* kQueues = "/proc/thread-self/net/netfilter/nfnetlink_queue";
constexpr const char* kNetlink = "/proc/thread-self/net/netlink";

/// The inode of the netfilter socket bound to `port`; 0 when there is none (netlink_native_seq_show,
/// net/netlink/af_netlink.c).
std::uint64_t find_inode(std::uint32_t port) {
    std::ifstream file(kNetlink);
    std::string line;
    while (std::getline(file, line)) {
        std::istringstream fields(line);
        std::string socket, groups, receive, send, dump, locks, drops;
        int family = -1;
        std::uint32_t bound = 0;
        std::uint64_t inode = 0;
        fields >> socket >> family >> bound >> groups >> receive >> send >> dump >> locks >> drops >> inode;
        if (fields && family == NETLINK_NETFILTER && bound == port) return inode;
    }
    return 0;
}

bool is_number(const std::string& text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
}

bool has_socket(const std::filesystem::path& process, const std::string& link) {
    std::error_code error;
    for (std::filesystem::directory_iterator it(process / "fd", error), end; !error && it != end;
         it.increment(error)) {
        std::error_code unreadable;
        if (std::filesystem::read_symlink(it->path(), unreadable) == link) return true;
    }
    return false;
}

/// "pid 4711 (suricata)"; empty when no process that we may look at has the socket.
std::string find_process(std::uint64_t inode) {
    const std::string link = "socket:[" + std::to_string(inode) + "]";
    std::error_code error;
    for (std::filesystem::directory_iterator it("/proc", error), end; !error && it != end;
         it.increment(error)) {
        const std::string pid = it->path().filename();
        if (!is_number(pid) || !has_socket(it->path(), link)) continue;
        std::string command;
        std::getline(std::ifstream(it->path() / "comm"), command);
        return std::string("pid ").append(pid).append(" (").append(command).append(")");
    }
    return {};
}

}  // namespace

std::optional<QueueStatus> queue_status(std::uint16_t number) {
    std::ifstream file(kQueues);
    std::string line;
    while (std::getline(file, line)) {
        std::istringstream fields(line);
        QueueStatus s;
        std::uint32_t queue = 0;
        std::uint32_t copy_mode = 0;
        std::uint32_t copy_range = 0;
        fields >> queue >> s.port >> s.length >> copy_mode >> copy_range >> s.queue_dropped >>
            s.user_dropped >> s.last_id;
        if (fields && queue == number) return s;
    }
    return std::nullopt;
}

std::string describe_holder(std::uint32_t port) {
    std::string text = "netlink port " + std::to_string(port);
    const std::uint64_t inode = find_inode(port);
    const std::string process = inode == 0 ? std::string() : find_process(inode);
    return process.empty() ? text : text + ", " + process;
}

KernelDrops kernel_drops(std::uint16_t queue) {
    const auto status = queue_status(queue);
    if (!status) return {};
    return {status->queue_dropped, status->user_dropped};
}

}  // namespace finwait::netfilter
