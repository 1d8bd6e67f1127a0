// How many clients the control socket serves at a time, and who among them: those who only read must not keep
// those who may change something from doing so, and one of them must not keep all the others out.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace finwait::control {

/// Who holds a place, or wants one.
struct Guest {
    uid_t uid = 0;
    bool may_change = false;  // by Access
    bool limited = true;      // not root, and not the daemon's own user
    /// For how long it has been between two requests; empty while one is under way, or on its way.
    std::optional<std::chrono::milliseconds> idle = {};
};

class Places {
  public:
    /// Of `total` places `reserved` are for those who may change something. One user who is
    /// limited has `per_user` at most. A place may be taken from who has been idle for longer than
    /// `patience`.
    constexpr Places(std::size_t total, std::size_t reserved, std::size_t per_user,
                     std::chrono::milliseconds patience)
        : total_(total),
          reserved_(reserved < total ? reserved : total),
          per_user_(per_user),
          patience_(patience) {}

    /// Why there is no place for `newcomer` beside those who are `present`; empty when there is one.
    [[nodiscard]] std::optional<std::string> refusal(const Guest& newcomer,
                                                     const std::vector<Guest>& present) const;

    /// Who of those who are `present` gives way to a newcomer that is refused: the one that has been idle for
    /// longest, if its place is of use. Those who only read take places from their own user's connections
    /// only.
    [[nodiscard]] std::optional<std::size_t> gives_way(const Guest& newcomer,
                                                       const std::vector<Guest>& present) const;

  private:
    std::size_t total_;
    std::size_t reserved_;
    std::size_t per_user_;
    std::chrono::milliseconds patience_;
};

}  // namespace finwait::control
