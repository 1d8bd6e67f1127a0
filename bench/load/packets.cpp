// bench_packets: crafted flows through the gateway, steered by lines on its standard input; each is answered
// by one line of JSON.
//
//   open N | adopt N           N flows in all, by their handshakes, or as if they had been there
//   rate SECONDS ORDER         as fast as they get through; ORDER is sequential or random
//   latency SECONDS PER_SECOND one-way times of single packets
#include "load/traffic.hpp"

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace {

using namespace finwait::bench;
using nlohmann::json;

Mac mac(const std::string& text) {
    Mac bytes{};
    std::istringstream in(text);
    std::string part;
    for (std::uint8_t& byte : bytes) {
        std::getline(in, part, ':');
        byte = static_cast<std::uint8_t>(std::stoul(part, nullptr, 16));
    }
    return bytes;
}

json answer(const RateResult& result) {
    json samples = json::array();
    for (const Sample& s : result.samples)
        samples.push_back({static_cast<double>(s.at) / 1e9, s.arrived});
    const Sample &first = result.samples.front(), &last = result.samples.back();
    const double seconds = static_cast<double>(last.at - first.at) / 1e9;
    return {{"per_second", static_cast<double>(last.arrived - first.arrived) / seconds},
            {"sent", result.sent},
            {"lost", result.lost},
            {"samples", std::move(samples)}};
}

json answer(LatencyResult result) {
    std::vector<std::int64_t>& all = result.nanoseconds;
    std::sort(all.begin(), all.end());
    const auto quantile = [&](double q) {
        if (all.empty()) return 0.0;
        return static_cast<double>(all[static_cast<std::size_t>(q * static_cast<double>(all.size() - 1))]) /
               1e3;
    };
    return {{"sent", result.sent},   {"arrived", all.size()},    {"p50", quantile(0.5)},
            {"p99", quantile(0.99)}, {"p99.9", quantile(0.999)}, {"max", quantile(1.0)}};
}

json perform(Traffic& traffic, const std::string& line) {
    std::istringstream in(line);
    std::string command, order;
    double number = 0, per_second = 0;
    in >> command >> number;
    if (command == "open" || command == "adopt") {
        const auto begun = realtime();
        const auto lost = traffic.open(static_cast<std::uint32_t>(number), command == "adopt");
        return {{"flows", static_cast<std::uint32_t>(number)},
                {"lost", lost},
                {"seconds", static_cast<double>(realtime() - begun) / 1e9}};
    }
    if (command == "rate" && in >> order)
        return answer(traffic.rate(number, order == "random" ? Order::random : Order::sequential));
    if (command == "latency" && in >> per_second) return answer(traffic.latency(number, per_second));
    return {{"error", "no such command: " + line}};
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Crafted TCP flows through a gateway; commands come by standard input");
    Ends ends;
    std::string family = "4";
    std::array<std::string, 2> via;
    app.add_option("--client", ends.namespaces[0], "the clients' namespace")->required();
    app.add_option("--server", ends.namespaces[1], "the servers' namespace")->required();
    app.add_option("--client-via", via[0], "the gateway's hardware address towards the clients")->required();
    app.add_option("--server-via", via[1], "the same, towards the servers")->required();
    app.add_option("--family", family, "4, 6 or mixed")->check(CLI::IsMember({"4", "6", "mixed"}));
    CLI11_PARSE(app, argc, argv);
    const Family versions = family == "4" ? Family::v4 : family == "6" ? Family::v6 : Family::mixed;
    Traffic traffic(ends, Crafted(versions, {mac(via[0]), mac(via[1])}));
    for (std::string line; std::getline(std::cin, line);)
        std::cout << perform(traffic, line).dump() << std::endl;
}
