// Small texts for people: durations, counts, and JSON values that may be missing. Never empty: "-" stands for
// nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace finwait::ctl {

/// "0.4s", "33s", "1m11s", "2h4m", "5d3h": two units at most, rounded.
[[nodiscard]] std::string human_duration(double seconds);

/// "once", "12 times".
[[nodiscard]] std::string times(std::uint64_t count);

/// The member as text; "-" when it is missing, null or an empty string.
[[nodiscard]] std::string text_at(const nlohmann::json& object, std::string_view key);
/// The member, a number of seconds, for people; "-" when there is none.
[[nodiscard]] std::string duration_at(const nlohmann::json& object, std::string_view key);
/// The member, an object; an empty one when it is missing.
[[nodiscard]] nlohmann::json part(const nlohmann::json& object, const char* key);
/// "192.0.2.1:80" or "[2001:db8::1]:80" of {"addr":…,"port":…}.
[[nodiscard]] std::string endpoint_text(const nlohmann::json& end);

/// What a side takes its peer to be, of its {…,"sees":{…}}; "-" where nobody can say.
[[nodiscard]] std::string seen_text(const nlohmann::json& side);

/// Columns that UTF-8 text takes: its code points.
[[nodiscard]] std::size_t display_width(std::string_view text);
/// At most `width` columns; an ellipsis stands in the middle for what is left out.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t width);

}  // namespace finwait::ctl
