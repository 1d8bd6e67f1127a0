#include "ctl/top/screen.hpp"

#include <algorithm>
#include <array>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <langinfo.h>
#include <string_view>
#include <utility>

// Its macros (move, erase, timeout) must not meet other headers.
#define NCURSES_NOMACROS 1
#include <curses.h>

namespace finwait::ctl::top {
namespace {

constexpr short kRed = 1;
constexpr short kGreen = 2;

/// See https://no-color.org: set and not empty means none.
bool colour_wanted() {
    const char* no_color = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe)
    return no_color == nullptr || *no_color == '\0';
}

/// A locale in which bytes above 127 are no text would show "…" as rubbish.
std::string for_locale(std::string text) {
    static const bool utf8 = std::string_view(::nl_langinfo(CODESET)) == "UTF-8";
    if (utf8) return text;
    std::string plain;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80U)
            plain += c;
        else if (byte >= 0xC0U)
            plain += '~';
    }
    return plain;
}

std::optional<Key> key_of(int code) {
    switch (code) {
        case KEY_UP: return Key::up;
        case KEY_DOWN: return Key::down;
        case KEY_LEFT: return Key::left;
        case KEY_RIGHT: return Key::right;
        case KEY_PPAGE: return Key::page_up;
        case KEY_NPAGE: return Key::page_down;
        case KEY_HOME: return Key::home;
        case KEY_END: return Key::end;
        case KEY_DC: return Key::erase;
        case KEY_ENTER:
        case '\r':
        case '\n': return Key::enter;
        case KEY_BACKSPACE:
        case 0x7f:
        case '\b': return Key::backspace;
        case 0x1b: return Key::escape;
        case 'U' - '@': return Key::clear_line;
        case 'L' - '@': return Key::redraw;
        default: break;
    }
    if (code >= ' ' && code < 256) return typed(static_cast<char>(code));
    return std::nullopt;
}

}  // namespace

struct Screen::Handle {
    explicit Handle(SCREEN* made) : screen(made) {}
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle() {
        ::endwin();
        ::delscreen(screen);
    }

    [[nodiscard]] attr_t attribute(Style style) const {
        switch (style) {
            case Style::title: return A_REVERSE | A_BOLD;
            case Style::selected: return A_REVERSE;
            case Style::strong: return A_BOLD;
            case Style::faint: return A_DIM;
            case Style::bad: return A_BOLD | colour(kRed);
            case Style::good: return A_BOLD | colour(kGreen);
            case Style::plain: break;
        }
        return A_NORMAL;
    }

    [[nodiscard]] attr_t colour(short pair) const {
        return colours ? static_cast<attr_t>(COLOR_PAIR(pair)) : attr_t{0};
    }

    SCREEN* screen;
    bool colours = false;
};

std::variant<std::unique_ptr<Screen>, std::string> Screen::open() {
    std::setlocale(LC_ALL, "");
    std::setlocale(LC_NUMERIC, "C");
    const char* const kind = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe)
    const std::string type = kind == nullptr ? "" : kind;
    if (type.empty()) return "TERM is not set: set it to what the terminal is, such as xterm or vt100";
    SCREEN* made = ::newterm(nullptr, stdout, stdin);
    if (made == nullptr)
        return "the terminal type \"" + type +
               "\" is not known here: set TERM to one that is, such as xterm or vt100";
    auto handle = std::make_unique<Handle>(made);
    // Lines would appear below each other for ever. tigetstr() wants its word writable.
    std::string address_of_cursor = "cup";
    const char* const moves = ::tigetstr(address_of_cursor.data());
    if (moves == nullptr || moves == reinterpret_cast<const char*>(-1))
        return "top needs a terminal whose cursor can be moved, and the type \"" + type +
               "\" has none: set TERM to what the terminal is, such as xterm or vt100, or use list, stats or "
               "events";
    ::cbreak();
    ::noecho();
    ::keypad(stdscr, TRUE);
    ::nodelay(stdscr, TRUE);
    ::set_escdelay(25);
    if (colour_wanted() && ::has_colors() && ::start_color() == OK && ::use_default_colors() == OK) {
        ::init_pair(kRed, COLOR_RED, -1);
        ::init_pair(kGreen, COLOR_GREEN, -1);
        handle->colours = true;
    }
    return std::unique_ptr<Screen>(new Screen(std::move(handle)));
}

Screen::Screen(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
Screen::~Screen() = default;

Size Screen::size() const {
    return {static_cast<std::size_t>(std::max(::getmaxy(stdscr), 1)),
            static_cast<std::size_t>(std::max(::getmaxx(stdscr), 1))};
}

void Screen::show(const Picture& picture) {
    const int columns = ::getmaxx(stdscr);
    ::werase(stdscr);
    for (std::size_t row = 0; row < picture.lines.size(); ++row) {
        const Line& line = picture.lines[row];
        const attr_t attribute = handle_->attribute(line.style);
        ::wattrset(stdscr, static_cast<int>(attribute));
        const std::string text = for_locale(line.text);
        ::wmove(stdscr, static_cast<int>(row), 0);
        ::waddnstr(stdscr, text.c_str(), static_cast<int>(text.size()));
        const bool bar = line.style == Style::title || line.style == Style::selected;
        if (bar) ::mvwchgat(stdscr, static_cast<int>(row), 0, columns, attribute, 0, nullptr);
    }
    ::wattrset(stdscr, A_NORMAL);
    ::curs_set(picture.cursor ? 1 : 0);
    if (picture.cursor)
        ::wmove(stdscr, static_cast<int>(picture.cursor->row), static_cast<int>(picture.cursor->column));
    ::wrefresh(stdscr);
}

void Screen::redraw() {
    ::clearok(stdscr, TRUE);
}

std::optional<Key> Screen::key() {
    for (;;) {
        const int code = ::wgetch(stdscr);
        if (code == ERR) return std::nullopt;
        if (const auto key = key_of(code)) return key;
    }
}

}  // namespace finwait::ctl::top
