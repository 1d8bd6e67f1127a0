// What tests of the replay ask of a capture once it has been replayed.
#pragma once

#include "replay/capture_writer.hpp"
#include "replay/replay.hpp"

#include <optional>
#include <string>
#include <vector>

namespace finwait::replay::testing {

/// A capture replayed to its end; `problem` is what broke it.
struct Replayed {
    explicit Replayed(const std::string& path, Options options = {}) : replay(std::move(options)) {
        auto opened = Capture::open(path);
        if (const auto* why = std::get_if<std::string>(&opened)) {
            problem = *why;
            return;
        }
        auto& capture = std::get<Capture>(opened);
        replay.run(capture);
        problem = capture.problem();
    }

    /// "fin-wait-2/close-wait closer client" for each flow.
    [[nodiscard]] std::vector<std::string> ends() const {
        std::vector<std::string> out;
        for (const Flow& flow : replay.flows()) {
            std::string text(tcp::name(flow.subject.client_state));
            text.append("/").append(tcp::name(flow.subject.server_state));
            if (flow.subject.closer) text.append(" closer ").append(tcp::name(*flow.subject.closer));
            out.push_back(text);
        }
        return out;
    }

    Replay replay;
    std::string problem;
};

inline double seconds(Instant t) {
    return std::chrono::duration<double>(t.since_origin()).count();
}

}  // namespace finwait::replay::testing
