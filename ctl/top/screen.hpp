// The terminal, by ncurses: puts a picture on it, hands out keys, and leaves it as it was.
#pragma once

#include "ctl/top/view.hpp"

#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace finwait::ctl::top {

class Screen {
  public:
    /// Or why not.
    [[nodiscard]] static std::variant<std::unique_ptr<Screen>, std::string> open();
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;
    ~Screen();

    [[nodiscard]] Size size() const;
    void show(const Picture& picture);
    /// The whole screen is drawn anew by the next show().
    void redraw();
    /// The next key that was pressed, if one was; never waits.
    [[nodiscard]] std::optional<Key> key();

  private:
    struct Handle;
    explicit Screen(std::unique_ptr<Handle> handle);
    std::unique_ptr<Handle> handle_;
};

}  // namespace finwait::ctl::top
