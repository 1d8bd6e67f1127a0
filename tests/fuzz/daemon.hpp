// What is behind the control socket and the status page, in one thread: a shard with a few flows, and what
// the daemon itself answers.
#pragma once

#include "control/context.hpp"
#include "engine/engine.hpp"
#include "observe/feed.hpp"

#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

namespace finwait::fuzz {

class Daemon {
  public:
    Daemon() : engine_(options()) {
        for (std::uint16_t port = 40000; port < 40003; ++port)
            open_flow(port);
        half_close(40001);
        context->shards.push_back({&io, &engine_, [this] { wake(); }, [] { return kNow; }, nullptr, &feed_});
        context->hooks.reload = [](const control::Requester&) {
            return std::vector<std::string>{"no \"file\""};
        };
        context->hooks.rules = [](std::string_view backend) {
            return "rules of " + std::string(backend) + "\n";
        };
        context->hooks.feed = &feed_;
        context->hooks.version = "0";
        context->options.event_interval = std::chrono::milliseconds(0);
    }
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    ~Daemon() = default;

    boost::asio::io_context io{1};
    std::shared_ptr<control::Context> context = std::make_shared<control::Context>();

  private:
    static constexpr Instant kNow{std::chrono::seconds(1000)};

    static engine::Options options() {
        engine::Options options;
        options.max_flows = 16;
        options.awake = 4;
        options.selective = false;
        return options;
    }

    void pass(std::uint16_t port, bool by_client, std::uint8_t flags, std::uint32_t seq, std::uint32_t ack) {
        static const tcp::Address kClient = *tcp::Address::parse("10.99.1.2");
        static const tcp::Address kServer = *tcp::Address::parse("2001:db8::2");
        tcp::Segment s;
        s.source = by_client ? tcp::Endpoint{kClient, port} : tcp::Endpoint{kServer, 80};
        s.destination = by_client ? tcp::Endpoint{kServer, 80} : tcp::Endpoint{kClient, port};
        s.flags = flags;
        s.seq = tcp::Seq(seq);
        s.ack = tcp::Seq(ack);
        s.window = 60000;
        static_cast<void>(engine_.on_segment(kNow - std::chrono::seconds(10), s));
    }
    void open_flow(std::uint16_t port) {
        namespace flag = tcp::flag;
        pass(port, true, flag::syn, 1000, 0);
        pass(port, false, flag::syn | flag::ack, 5000, 1001);
        pass(port, true, flag::ack, 1001, 5001);
    }
    void half_close(std::uint16_t port) {
        namespace flag = tcp::flag;
        pass(port, true, flag::fin | flag::ack, 1001, 5001);
        pass(port, false, flag::ack, 5001, 1002);
        wake();
    }
    void wake() {
        actions_.clear();
        engine_.on_tick(kNow, actions_);
        for (const engine::Action& action : actions_)
            if (const auto* event = std::get_if<engine::Event>(&action)) feed_.note(kNow, *event, "default");
    }

    engine::Engine engine_;
    engine::Actions actions_;
    observe::Feed feed_{64};
};

}  // namespace finwait::fuzz
