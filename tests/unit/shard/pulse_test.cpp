// A beat counts when every shard has answered, and not before.
#include "shard/pulse.hpp"

#include <memory>

#include <gtest/gtest.h>

namespace finwait::shard {
namespace {

class Pulsing : public testing::Test {
  protected:
    struct One {
        boost::asio::io_context io{1};
        engine::Engine engine{engine::Options{}};

        Handle handle() {
            return {&io, &engine, [] {}, [] { return Instant{}; }};
        }
        void run() {
            io.restart();
            io.poll();
        }
    };

    void run_control() {
        control.restart();
        control.poll();
    }

    One first, second;
    boost::asio::io_context control{1};
    int beats = 0;
    Pulse pulse{control, {first.handle(), second.handle()}, [this](const Pulse::Sums&) { ++beats; }};
};

TEST_F(Pulsing, ABeatCountsOnlyWhenEveryShardHasAnswered) {
    pulse.beat();
    first.run();
    run_control();
    EXPECT_EQ(beats, 0);
    second.run();
    run_control();
    EXPECT_EQ(beats, 1);
}

TEST_F(Pulsing, AShardThatHangsIsNotAskedAgainAndStopsTheBeatUntilItGoesOn) {
    for (int i = 0; i < 3; ++i) {
        pulse.beat();
        first.run();
        run_control();
    }
    EXPECT_EQ(beats, 0);
    second.run();
    run_control();
    EXPECT_EQ(beats, 1);
    pulse.beat();
    first.run();
    second.run();
    run_control();
    EXPECT_EQ(beats, 2);
}

TEST_F(Pulsing, NoAnswerOfOneShardStandsForAnother) {
    pulse.beat();
    first.run();
    pulse.beat();
    first.run();
    run_control();
    EXPECT_EQ(beats, 0);
}

}  // namespace
}  // namespace finwait::shard
