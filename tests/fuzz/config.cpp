// A configuration's text. Either every error has its place, or the settings print as a text that reads back
// to the same.
#include "config/load.hpp"
#include "input.hpp"

#include <algorithm>

namespace finwait::fuzz {
namespace {

void check_error(const config::Error& error, std::string_view text) {
    const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1;
    require(error.line >= 1 && error.column >= 1, "an error without a place");
    require(error.line <= lines, "an error behind the end of the text");
    require(!error.message.empty() && error.illustrated().starts_with("fuzz.toml:"),
            "an error without a text");
}

void check_settings(const config::Settings& settings) {
    const std::string printed = config::print(settings);
    const config::Result again = config::parse(printed, "printed.toml");
    const auto* same = std::get_if<config::Settings>(&again);
    if (same == nullptr) std::fputs(printed.c_str(), stderr);
    require(same != nullptr, "what was printed cannot be read");
    require(config::print(*same) == printed, "what was printed reads as something else");
}

}  // namespace
}  // namespace finwait::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace finwait;
    const std::string_view text = fuzz::Input(data, size).text();
    const config::Result result = config::parse(text, "fuzz.toml");
    if (const auto* errors = std::get_if<std::vector<config::Error>>(&result)) {
        fuzz::require(!errors->empty(), "refused without a reason");
        for (const config::Error& error : *errors)
            fuzz::check_error(error, text);
    } else {
        fuzz::check_settings(std::get<config::Settings>(result));
    }
    return 0;
}
