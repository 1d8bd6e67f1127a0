// How many clients the control socket serves at a time, and who among them: those who only read must not keep
// those who may change something from doing so, and one of them must not keep all the others out.
#pragma once

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
};

class Places {
  public:
    /// Of `total` places `reserved` are for those who may change something. One user who is
    /// limited has `per_user` at most.
    constexpr Places(std::size_t total, std::size_t reserved, std::size_t per_user)
        : total_(total), reserved_(reserved < total ? reserved : total), per_user_(per_user) {}

    /// Why there is no place for `newcomer` beside those who are `present`; empty when there is one.
    [[nodiscard]] std::optional<std::string> refusal(const Guest& newcomer,
                                                     const std::vector<Guest>& present) const;

  private:
    std::size_t total_;
    std::size_t reserved_;
    std::size_t per_user_;
};

}  // namespace finwait::control
