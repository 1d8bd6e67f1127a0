#include "netfilter/removal.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace finwait::netfilter {
namespace {

using std::chrono::milliseconds;
using Outcome = Removal::Outcome;

constexpr milliseconds kFirstPause(250);
constexpr milliseconds kLongestPause(2000);
/// How soon a request to stop is noticed.
constexpr milliseconds kGlance(100);
/// Where nothing of ours has ever been.
constexpr unsigned kTriesElsewhere = 3;
/// Somebody else puts the rules back, or the tool does nothing.
constexpr unsigned kClaims = 2;

struct Try {
    const Backend* backend;
    bool used;
    unsigned tries = 0;
    unsigned claims = 0;
    Removal last = {};

    [[nodiscard]] bool settled() const {
        if (tries == 0) return false;
        if (last.outcome == Outcome::clean || last.hopeless) return true;
        if (last.outcome == Outcome::left) return claims >= kClaims;
        if (used) return false;
        return last.outcome == Outcome::unsupported || last.silent || tries >= kTriesElsewhere;
    }

    void run(const ToolTime& time) {
        last = backend->remove(time);
        used = used || last.found;
        claims += last.claimed ? 1U : 0U;
        ++tries;
    }
};

/// False when the time is over.
bool pause(milliseconds length, const ToolTime& time, const ToolTime& retries) {
    const ToolTime pause(length);
    while (pause.left().count() > 0) {
        const milliseconds left = std::min(time.left(), retries.left());
        if (left.count() == 0) return false;
        std::this_thread::sleep_for(std::min({pause.left(), left, kGlance}));
    }
    return time.left().count() > 0;
}

void add(const std::string& more, std::optional<std::string>& all) {
    if (!all)
        all = more;
    else if (all->find(more) == std::string::npos)
        *all += "; " + more;
}

RemovedEverywhere sum_of(const std::vector<Try>& tries) {
    RemovedEverywhere sum;
    for (const Try& one : tries) {
        const std::string& place = one.backend->place;
        if (one.used) sum.used.insert(place);
        if (one.last.outcome == Outcome::clean) continue;
        if (one.last.outcome == Outcome::left)
            add(one.last.why, sum.left);
        else if (one.used)
            add(one.last.why + ": rules may be left in " + place, sum.left);
        else if (one.last.outcome == Outcome::unseen)
            sum.unseen.emplace(place, one.last.why);
    }
    return sum;
}

}  // namespace

Removal unseen(const ToolResult& result, std::string why) {
    return {.outcome = result.unsupported() ? Outcome::unsupported : Outcome::unseen,
            .why = std::move(why),
            .silent = !result.status,
            .hopeless = result.refused()};
}

/// In rounds: a tool that hangs does not take the time of the others.
RemovedEverywhere remove_from(const std::vector<Backend>& backends, Places used, const ToolTime& time,
                              milliseconds retries) {
    std::vector<Try> tries;
    for (const Backend& backend : backends)
        tries.push_back({&backend, used.contains(backend.place)});
    const ToolTime retrying(retries);
    milliseconds next = kFirstPause;
    do {
        // What a tool has said is worth more than that there was no time left to run it again.
        for (Try& one : tries)
            if (!one.settled() && (one.tries == 0 || time.left().count() > 0)) one.run(time);
        if (std::ranges::all_of(tries, &Try::settled)) break;
    } while (pause(std::exchange(next, std::min(2 * next, kLongestPause)), time, retrying));
    RemovedEverywhere sum = sum_of(tries);
    for (const std::string& place : used)
        if (std::ranges::find(backends, place, &Backend::place) == backends.end())
            add("rules may be left in " + place + ", whose tool is no longer installed", sum.left);
    sum.used.merge(used);
    return sum;
}

}  // namespace finwait::netfilter
