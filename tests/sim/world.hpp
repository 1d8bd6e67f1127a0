// Lives one life: two hosts, four hops, the shipped parser, engine and egress in the middle, and the kernel
// of that machine, whose mark chooses what the engine sees. Virtual time, no chance: everything random is in
// the life.
#pragma once

#include "engine/engine.hpp"
#include "gateway.hpp"
#include "judge.hpp"
#include "life.hpp"

#include <array>
#include <ostream>
#include <queue>
#include <string>
#include <vector>

namespace finwait::sim {

struct Outcome {
    std::string violation;  // empty: none
    Tally tally;
    std::array<std::uint16_t, 4> sent{};  // packets that entered each hop
};

/// With `trace`, every packet that passes is told there.
[[nodiscard]] Outcome live(const Life& life, std::ostream* trace = nullptr);

class World {
  public:
    World(const Life& life, std::ostream* trace);
    [[nodiscard]] Outcome run();

  private:
    struct InFlight {
        Instant at;
        std::uint64_t order;
        std::uint8_t hop;
        Packet packet;
        /// For a queue with the earliest on top.
        friend bool operator<(const InFlight& a, const InFlight& b) {
            return a.at != b.at ? a.at > b.at : a.order > b.order;
        }
    };

    [[nodiscard]] Instant next_event() const;
    void step(Instant at);
    void run_until(Instant end);
    void perform(const Step& s);
    void forge(const Forgery& f);
    void collect(std::size_t host);
    void send(std::uint8_t hop, const Packet& packet);
    void launch(std::uint8_t hop);
    void arrive(const InFlight& f);
    void send_ours();
    void pass(std::size_t sender, const Packet& wire);
    [[nodiscard]] engine::Verdict ask_engine(std::size_t sender, const Packet& packet);
    void tick();
    void tell(std::string_view what, const Packet& packet) const;
    void wind_up();
    [[nodiscard]] bool quiet() const;

    const Life& life_;
    std::ostream* trace_;
    Instant now_{std::chrono::seconds(1000)};
    std::array<Endpoint, 2> host_;
    std::array<Link, 4> link_;
    engine::Engine engine_;
    Judge judge_;
    Gateway gateway_;
    bool stirred_ = false;
    std::size_t next_step_ = 0;
    std::size_t next_forgery_ = 0;
    Instant step_at_;
    std::vector<Forgery> forgeries_;
    std::priority_queue<InFlight> flying_;
    std::uint64_t order_ = 0;
    std::vector<Delivery> deliveries_;
    engine::Actions actions_;
};

}  // namespace finwait::sim
