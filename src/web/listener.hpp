// A socket that listens for the page's and the metrics' readers: opened before the one it replaces is closed.
#pragma once

#include "control/socket_file.hpp"
#include "tcp/address.hpp"

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace finwait::web {

/// An address with a port, or the path of a Unix socket.
using Place = std::variant<tcp::Endpoint, std::string>;

[[nodiscard]] std::string text(const Place& place);
/// Whether others than this machine's own users may reach it.
[[nodiscard]] bool is_public(const Place& place);

class Listener {
  public:
    struct Problem {
        std::string message;  // what failed and what to do
        bool in_use = false;
    };

    /// `group` may use a Unix socket. `notes` gets what operators should know although it works.
    [[nodiscard]] static std::variant<Listener, Problem> open(const Place& place, const std::string& group,
                                                              std::vector<std::string>& notes);
    Listener(Listener&& other) noexcept
        : family_(other.family_),
          descriptor_(std::exchange(other.descriptor_, -1)),
          file_(std::move(other.file_)) {}
    Listener& operator=(Listener&&) = delete;
    ~Listener();

    [[nodiscard]] int family() const { return family_; }
    /// Unlinks a Unix socket's file.
    void remove() {
        if (file_) file_->remove();
    }
    /// Gives a Unix socket to `group`, which is looked up again.
    void give_to(const std::string& group, std::vector<std::string>& notes) {
        if (file_ && !group.empty()) file_->give_to(group, notes);
    }
    /// The caller's from now on.
    [[nodiscard]] int release_descriptor() { return std::exchange(descriptor_, -1); }

  private:
    Listener(int family, int descriptor, std::optional<control::SocketFile> file)
        : family_(family), descriptor_(descriptor), file_(std::move(file)) {}

    int family_;
    int descriptor_;
    std::optional<control::SocketFile> file_;  // removed at the end
};

}  // namespace finwait::web
