// What somebody may press, whatever the terminal makes of it.
#pragma once

namespace finwait::ctl::top {

/// A byte of text is its own code.
struct Key {
    enum Special : int {
        backspace = 256,
        erase,  // what is under the cursor
        enter,
        escape,
        up,
        down,
        left,
        right,
        page_up,
        page_down,
        home,
        end,
        clear_line,  // Ctrl-U
        redraw,      // Ctrl-L
    };

    constexpr Key(Special special) : code(special) {}
    constexpr explicit Key(char c) : code(static_cast<unsigned char>(c)) {}
    /// So that one switch serves both kinds.
    constexpr operator int() const { return code; }

    int code;
};

[[nodiscard]] constexpr Key typed(char c) {
    return Key(c);
}

}  // namespace finwait::ctl::top
