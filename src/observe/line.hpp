// A log line that says what kind of event it tells of, with fields for the journal. The text alone is what
// people read; the rest travels behind it in the logger's payload, which its sink takes apart again.
#pragma once

#include "observe/message.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <spdlog/logger.h>

namespace finwait::observe {

class Line {
  public:
    Line(const MessageKind& kind, std::string_view text);
    Line(Message message, std::string_view text) : Line(kind(message), text) {}

    /// `name` as the journal wants it: capitals, digits and underscores.
    Line& with(std::string_view name, std::string_view value) &;
    Line&& with(std::string_view name, std::string_view value) && { return std::move(with(name, value)); }

    void log(spdlog::logger& logger, spdlog::level::level_enum level) const {
        logger.log(level, std::string_view(payload_));
    }
    [[nodiscard]] const std::string& payload() const { return payload_; }

  private:
    std::string payload_;
};

/// A payload taken apart; of any logged text, also of one that no Line has made. Points into the payload.
struct LineParts {
    std::string_view text;
    std::vector<std::string_view> fields;  // "NAME=value"
};
[[nodiscard]] LineParts take_apart(std::string_view payload);

}  // namespace finwait::observe
