#include "netfilter/patience.hpp"

#include <array>

namespace finwait::netfilter {
namespace {

using std::chrono::seconds;

constexpr std::array kWaits = {seconds(0), seconds(2), seconds(4), seconds(8), seconds(16)};
static_assert(kWaits.size() == Patience::kTries);

}  // namespace

void Patience::note_missing(Time now) {
    if (now - last_ >= kSettled) tries_ = 0;
}

Patience::Time Patience::next() const {
    if (tries_ == 0) return Time::min();
    return worn_out() ? last_ + kLongWait : last_ + kWaits[tries_];
}

void Patience::note_try(Time now) {
    last_ = now;
    ++tries_;
}

}  // namespace finwait::netfilter
