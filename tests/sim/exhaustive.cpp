#include "exhaustive.hpp"

#include "world.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace finwait::sim {

namespace {

/// 'a' and 'b': a data segment of A or of B; 'A' and 'B': its FIN.
using Schedule = std::string;

/// Nobody sends data after its own FIN.
bool possible(const Schedule& s) {
    return s.find('a', s.find('A')) == Schedule::npos && s.find('b', s.find('B')) == Schedule::npos;
}

std::vector<Schedule> schedules() {
    std::vector<Schedule> all;
    for (const char* data : {"", "a", "b", "aa", "ab", "bb"}) {
        Schedule s = std::string("AB") + data;
        std::ranges::sort(s);
        do {
            if (possible(s)) all.push_back(s);
        } while (std::ranges::next_permutation(s).found);
    }
    return all;
}

Life life_of(const Schedule& schedule, bool selective, Pace pace) {
    Life life;
    life.selective = selective;
    life.latency = {ms(5), ms(7), ms(6), ms(4)};
    for (EndpointOptions& host : life.host) {
        host.fin_with_data = pace == Pace::at_once;
        host.delayed_ack = pace == Pace::at_once;
    }
    life.host[1].listening = true;
    life.host[1].first_iss = UINT32_MAX - 50;  // its numbers wrap on the way
    life.steps.push_back({ms(0), 0, Act::connect, 0});
    Duration gap = ms(100);
    for (const char event : schedule) {
        const auto host = static_cast<std::uint8_t>(event == 'b' || event == 'B' ? 1 : 0);
        const bool fin = event == 'A' || event == 'B';
        life.steps.push_back({gap, host, fin ? Act::shutdown : Act::write, fin ? 0U : 50U});
        gap = pace == Pace::at_once ? ms(0) : ms(100);
    }
    return life;
}

class Search {
  public:
    explicit Search(std::size_t stop_after) : stop_after_(stop_after) {}

    /// Lives `life`, and then with each further fault that can strike one of its packets.
    void explore(const Life& life, int faults_left) {
        if (out.violations.size() >= stop_after_) return;
        const Outcome outcome = live(life);
        ++out.lived;
        out.tally += outcome.tally;
        if (!outcome.violation.empty()) return out.violations.push_back(reduce(life));
        if (faults_left == 0) return;
        for (std::uint8_t hop = 0; hop < 4; ++hop)
            for (std::uint16_t nth = 0; nth < outcome.sent[hop]; ++nth)
                for (const FaultKind kind : {FaultKind::lose, FaultKind::duplicate, FaultKind::swap})
                    strike(life, {hop, nth, kind, ms(3)}, faults_left);
    }

    Lives out;

  private:
    /// Two faults are a set: only the order that puts the later place last is lived.
    void strike(const Life& life, const Fault& fault, int faults_left) {
        const auto place = [](const Fault& f) {
            return std::array<unsigned, 3>{f.hop, f.nth, static_cast<unsigned>(f.kind)};
        };
        if (!life.faults.empty() && place(fault) <= place(life.faults.back())) return;
        Life struck = life;
        struck.faults.push_back(fault);
        explore(struck, faults_left - 1);
    }

    std::size_t stop_after_;
};

}  // namespace

Lives live_every_schedule(bool selective, Pace pace, std::size_t stop_after) {
    Search search(stop_after);
    for (const Schedule& schedule : schedules())
        search.explore(life_of(schedule, selective, pace), 2);
    return search.out;
}

}  // namespace finwait::sim
