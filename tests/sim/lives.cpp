#include "lives.hpp"

#include "world.hpp"

namespace finwait::sim {

namespace {

/// Drops elements one at a time, last first, for as long as the life still fails.
template<typename T>
bool drop(Life& life, std::vector<T> Life::*part) {
    bool smaller = false;
    for (std::size_t i = (life.*part).size(); i-- > 0;) {
        Life candidate = life;
        auto& elements = candidate.*part;
        elements.erase(elements.begin() + static_cast<std::ptrdiff_t>(i));
        if (live(candidate).violation.empty()) continue;
        life = std::move(candidate);
        smaller = true;
    }
    return smaller;
}

template<typename Change>
void simplify(Life& life, Change change) {
    Life candidate = life;
    change(candidate);
    if (!live(candidate).violation.empty()) life = std::move(candidate);
}

void simplify_hosts(Life& life) {
    for (std::size_t i = 0; i < 2; ++i) {
        simplify(life, [i](Life& l) { l.host[i].first_iss = i == 0 ? 1000 : 5000; });
        simplify(life, [i](Life& l) { l.host[i].keepalive = l.host[i].keepalive_garbage = false; });
        simplify(life, [i](Life& l) { l.host[i].delayed_ack = false; });
        simplify(life, [i](Life& l) { l.host[i].timestamps = false; });
        simplify(life, [i](Life& l) { l.host[i].scale_offered = false; });
        simplify(life, [i](Life& l) { l.host[i].buffer = 65'535; });
        simplify(life, [i](Life& l) { l.host[i].close_after_eof.reset(); });
        simplify(life, [i](Life& l) { l.host[i].fin_with_data = false; });
    }
}

}  // namespace

/// Whatever the gateway does that is not needed.
void simplify_gateway(Life& life) {
    simplify(life, [](Life& l) { l.gateway = {}; });
    simplify(life, [](Life& l) { l.gateway.failing = 0; });
    simplify(life, [](Life& l) { l.gateway.mark_lost.reset(); });
    simplify(life, [](Life& l) { l.gateway.local.reset(); });
    simplify(life, [](Life& l) { l.gateway.flushes = l.gateway.empty = l.gateway.misses_fin = false; });
    simplify(life, [](Life& l) { l.gateway.translated = {}; });
    simplify(life, [](Life& l) { l.gateway.scan = ms(50); });
}

Violation reduce(Life life) {
    for (bool smaller = true; smaller;) {
        smaller = drop(life, &Life::forgeries);
        smaller = drop(life, &Life::faults) || smaller;
        smaller = drop(life, &Life::steps) || smaller;
    }
    simplify_hosts(life);
    simplify_gateway(life);
    for (std::size_t i = 0; i < life.steps.size(); ++i) {
        simplify(life, [i](Life& l) { l.steps[i].bytes = l.steps[i].bytes > 0 ? 1 : 0; });
        simplify(life, [i](Life& l) { l.steps[i].after = ms(l.steps[i].after > ms(1000) ? 1000 : 100); });
    }
    std::string what = live(life).violation;
    return {std::move(life), std::move(what)};
}

Lives live_many(std::uint64_t first, std::uint64_t count, bool selective, std::size_t stop_after) {
    Lives out;
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        const Life life = random_life(seed, selective);
        const Outcome outcome = live(life);
        ++out.lived;
        out.tally += outcome.tally;
        if (outcome.violation.empty()) continue;
        out.violations.push_back(reduce(life));
        if (out.violations.size() >= stop_after) break;
    }
    return out;
}

}  // namespace finwait::sim
