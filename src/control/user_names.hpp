// Users' names, from a name service that may hang: a directory server that does not answer must not keep the
// control thread from its other clients.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <sys/types.h>

namespace finwait::control {

class UserNames {
  public:
    /// A user's name, or "" where it has none. May take its time.
    using Find = std::function<std::string(uid_t)>;

    /// getpwuid(3).
    UserNames();
    /// `find` is called on a thread of its own, which is left to itself where it does not return.
    UserNames(Find find, std::chrono::milliseconds patience);

    /// The user's name; "" where it has none, or where it was not found in time. One that was found late is
    /// known to the next who asks. Known names are remembered.
    [[nodiscard]] std::string of(uid_t uid);

  private:
    struct Shared;
    std::shared_ptr<Shared> shared_;
    std::chrono::milliseconds patience_;
};

}  // namespace finwait::control
