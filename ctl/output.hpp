// Where text goes: collected and written in big pieces. When the reader has gone (`finwaitctl list | head`),
// it says so and whoever writes stops, quietly.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace finwait::ctl {

class Output {
  public:
    explicit Output(int descriptor) : descriptor_(descriptor) {}
    /// Into a text, which must outlive it.
    explicit Output(std::string& text) : text_(&text) {}
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;
    ~Output() { flush(); }

    void write(std::string_view text);
    void flush();
    /// Nothing written any more arrives anywhere.
    [[nodiscard]] bool ended() const { return ended_; }
    /// The errno that ended it; 0 when the reader simply went away.
    [[nodiscard]] int error() const { return error_; }

  private:
    int descriptor_ = -1;
    std::string* text_ = nullptr;
    std::string buffer_;
    bool ended_ = false;
    int error_ = 0;
};

/// What --color says.
enum class Colours : std::uint8_t { automatic, always, never };

/// Whether to colour what goes to the descriptor. By itself only on a terminal that can, unless NO_COLOR is
/// set and not empty (no-color.org).
[[nodiscard]] bool use_colours(Colours wish, int descriptor);

/// Columns of the terminal behind the descriptor; empty when it is none: then nothing needs to fit.
[[nodiscard]] std::optional<std::size_t> terminal_width(int descriptor);

}  // namespace finwait::ctl
