// sim: random lives by hand. Prints each violation with its seed and its smallest script; exit 1 if any.

#include "lives.hpp"
#include "world.hpp"

#include <chrono>
#include <cstdio>
#include <iostream>
#include <thread>

#include <CLI/CLI.hpp>

namespace {

using namespace finwait::sim;

struct Request {
    std::uint64_t lives = 20'000;
    std::uint64_t seed = 1;
    std::string mode = "both";
    unsigned threads = 2;
    std::size_t stop_after = 3;
    bool trace = false;
};

Lives in_parallel(const Request& request, bool selective) {
    std::vector<Lives> parts(request.threads);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < request.threads; ++i) {
        const std::uint64_t from = request.lives * i / request.threads;
        const std::uint64_t to = request.lives * (i + 1) / request.threads;
        threads.emplace_back([&, i, from, to] {
            parts[i] = live_many(request.seed + from, to - from, selective, request.stop_after);
        });
    }
    for (std::thread& t : threads)
        t.join();
    Lives all;
    for (Lives& part : parts) {
        all.lived += part.lived;
        all.tally += part.tally;
        for (Violation& v : part.violations)
            all.violations.push_back(std::move(v));
    }
    return all;
}

bool report(const Request& request, bool selective) {
    const auto start = std::chrono::steady_clock::now();
    const Lives all = in_parallel(request, selective);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const Tally& t = all.tally;
    std::printf(
        "%s: %llu lives from seed %llu in %.1f s (%.0f/s), %zu violations\n"
        "  %llu packets passed (%llu forged), %llu claims checked, %llu at rest (%llu excused), "
        "%llu half-closed, %llu resets\n",
        selective ? "selective" : "all", static_cast<unsigned long long>(all.lived),
        static_cast<unsigned long long>(request.seed), seconds, static_cast<double>(all.lived) / seconds,
        all.violations.size(), static_cast<unsigned long long>(t.packets),
        static_cast<unsigned long long>(t.forged), static_cast<unsigned long long>(t.claims),
        static_cast<unsigned long long>(t.quiet), static_cast<unsigned long long>(t.excused),
        static_cast<unsigned long long>(t.half_closed), static_cast<unsigned long long>(t.resets));
    for (const Violation& v : all.violations) {
        std::cout << "\nVIOLATION " << v.what << '\n' << text(v.life);
        static_cast<void>(live(v.life, &std::cout));
    }
    return all.violations.empty();
}

}  // namespace

int main(int argc, char** argv) {
    Request request;
    CLI::App app{"Lives random lives of two TCP hosts around the shipped engine, and checks what it claims."};
    app.add_option("--lives", request.lives, "How many, for each mode");
    app.add_option("--seed", request.seed, "The first life's seed; the next life has the next seed");
    app.add_option("--mode", request.mode)->check(CLI::IsMember({"all", "selective", "both"}));
    app.add_option("--threads", request.threads)->check(CLI::Range(1, 64));
    app.add_option("--violations", request.stop_after, "Stop a thread after so many");
    app.add_flag("--trace", request.trace, "Tell the first life packet by packet, whether it fails or not");
    CLI11_PARSE(app, argc, argv);
    if (request.trace) {
        const Life life = random_life(request.seed, request.mode == "selective");
        std::cout << text(life);
        const Outcome outcome = live(life, &std::cout);
        std::cout << (outcome.violation.empty() ? "no violation" : outcome.violation) << '\n';
        return outcome.violation.empty() ? 0 : 1;
    }
    bool good = true;
    if (request.mode != "selective") good = report(request, false) && good;
    if (request.mode != "all") good = report(request, true) && good;
    return good ? 0 : 1;
}
