// Who may change something over the control socket: root, the daemon's own user, and the members of one
// group. Who may open it, and so read, is the matter of the socket file's mode.
#pragma once

#include "control/protocol.hpp"
#include "control/requester.hpp"

#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace finwait::control {

/// A group's number, by its name; empty where there is none, or where the name service does not answer within
/// two seconds.
[[nodiscard]] std::optional<gid_t> group_id(const std::string& name);

class Access {
  public:
    /// Root alone.
    Access() = default;
    /// `owner`: the daemon's own user. `admin_group` is looked up now; "" for none.
    Access(uid_t owner, std::string admin_group);

    [[nodiscard]] bool may_change(const Requester& who) const;
    /// Whether it is root or the daemon's own user.
    [[nodiscard]] bool owns(const Requester& who) const;
    /// Why not, and what to do.
    [[nodiscard]] Error refusal(const Request& request, const Requester& who) const;
    /// Looks the admin group up again. One that was found before and is not found now keeps its number: the
    /// name service may be away.
    void look_up_group();
    /// Adds a note where there is an admin group to be found, and none has been.
    void note_missing_group(std::vector<std::string>& notes) const;
    /// Whether there is such a group.
    [[nodiscard]] bool has_group() const { return group_.has_value(); }

  private:
    uid_t owner_ = 0;
    std::string name_;
    std::optional<gid_t> group_;
};

}  // namespace finwait::control
