// What passes between the screen and whoever asks the daemon for it.
#pragma once

#include "ctl/victims.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

namespace finwait::ctl::top {

using Clock = std::chrono::steady_clock;

/// Which flows are wanted.
struct Question {
    std::string filter;
    std::string sort = "idle";
    bool descending = true;
    std::uint32_t limit = 50;

    friend bool operator==(const Question&, const Question&) = default;
};

/// How things stood at one moment.
struct Snapshot {
    Question question;
    std::vector<nlohmann::json> flows;  // the first of those that match
    std::size_t matched = 0;
    nlohmann::json stats;
    Clock::time_point at;
};

/// All that is known of one flow.
struct FlowText {
    std::string id;
    nlohmann::json flow;             // null: it is gone
    std::vector<std::string> lines;  // for people
};

/// How the end of a flow comes on.
struct EndNews {
    std::string id;
    Fate fate = Fate::pending;
    std::string text;
};

/// The daemon did not answer, or not well.
struct Trouble {
    std::string text;
};

using News = std::variant<Snapshot, FlowText, EndNews, Trouble>;

}  // namespace finwait::ctl::top
