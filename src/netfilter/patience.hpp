// How often rules are put back that somebody takes away. Once is an accident, and a firewall that is loaded
// anew now and then is one each time; but who does it at once again, and again, is not fought with.
#pragma once

#include <chrono>
#include <cstddef>

namespace finwait::netfilter {

class Patience {
  public:
    using Time = std::chrono::steady_clock::time_point;

    /// Rules that have stayed for so long are accepted: what happens to them later is another matter.
    static constexpr std::chrono::minutes kSettled{1};
    /// So often in succession they are put back after a short wait, which grows.
    static constexpr std::size_t kTries = 5;
    static constexpr std::chrono::minutes kLongWait{10};

    /// They are missing, and were not before.
    void note_missing(Time now);
    /// When they may be put back; perhaps long ago.
    [[nodiscard]] Time next() const;
    /// They have been put back, or that was tried.
    void note_try(Time now);
    /// The short waits are used up.
    [[nodiscard]] bool worn_out() const { return tries_ >= kTries; }
    /// An operator wants it to be tried at once.
    void forget() { tries_ = 0; }

  private:
    std::size_t tries_ = 0;
    Time last_;
};

}  // namespace finwait::netfilter
