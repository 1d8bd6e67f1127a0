#include "state/origin.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sys/stat.h>

namespace finwait::state {

namespace {

std::uint64_t inode(const char* path) {
    struct stat about {};
    return stat(path, &about) == 0 ? about.st_ino : 0;
}

std::string boot_id() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    std::getline(file, id);
    return id;
}

std::string queues_text(const Origin& o) {
    return o.queues == 1 ? "queue " + std::to_string(o.first_queue)
                         : "queues " + std::to_string(o.first_queue) + " to " +
                               std::to_string(o.first_queue + o.queues - 1);
}

/// The kernel's hash alone decides which queue a flow comes to: in any other shard it would never be heard of
/// again, and its silence would be taken for its end.
std::optional<std::string> spread_otherwise(const Origin& then, const Origin& now) {
    if (then.first_queue != now.first_queue || then.queues != now.queues)
        return "it was written with " + queues_text(then) + ", and now there " +
               (now.queues == 1 ? "is " : "are ") + queues_text(now) +
               ": nobody can tell which of them its flows will come to";
    if (now.queues == 1) return std::nullopt;
    if (then.backend != now.backend || then.spread != now.spread)
        return "intercept.backend or intercept.spread has changed since: flows may come to other queues now";
    if (!std::ranges::equal(then.spreaders, now.spreaders))
        return "the kernel's NFQUEUE module has been loaded anew since: flows may come to other queues now";
    return std::nullopt;
}

}  // namespace

void ask_system(Origin& origin) {
    origin.boot = boot_id();
    origin.network = inode("/proc/self/ns/net");
    origin.spreaders[0] = inode("/sys/module/xt_NFQUEUE");
    origin.spreaders[1] = inode("/sys/module/nft_queue");
    using std::chrono::steady_clock;
    using std::chrono::system_clock;
    origin.at = Instant(std::chrono::duration_cast<Duration>(steady_clock::now().time_since_epoch()));
    origin.wall = std::chrono::duration_cast<Duration>(system_clock::now().time_since_epoch()).count();
}

Duration since(const Origin& then, const Origin& now) {
    return std::max(now.at - then.at, Duration(now.wall) - Duration(then.wall));
}

std::optional<std::string> mismatch(const Origin& then, const Origin& now) {
    if (then.boot.empty() || then.boot != now.boot) return "it was not written since this boot";
    if (then.network != now.network) return "it was written in another network namespace";
    if (then.mark_mask != now.mark_mask) return "intercept.mark_mask has changed since";
    if (then.all_packets != now.all_packets) return "intercept.packets has changed since";
    if (then.scope != now.scope || then.loopback != now.loopback)
        return "intercept.scope or intercept.loopback has changed since";
    if (auto reason = spread_otherwise(then, now)) return reason;
    if (then.at > now.at) return "it was written at a time that has not come yet";
    if (since(then, now) > kOldest)
        return "it is " +
               std::to_string(std::chrono::duration_cast<std::chrono::minutes>(since(then, now)).count()) +
               " minutes old: after more than 10 too much may have passed unseen";
    return std::nullopt;
}

}  // namespace finwait::state
