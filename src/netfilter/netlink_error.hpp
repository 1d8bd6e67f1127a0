// How netlink tells of errors.
#pragma once

#include <cerrno>
#include <cstdint>

namespace finwait::netfilter {

/// errno's value of what a message tells, which is 0 or a small negative number (include/linux/err.h).
[[nodiscard]] constexpr int error_number(std::int32_t told) {
    constexpr std::int32_t kMost = 4095;
    return told <= 0 && told >= -kMost ? -told : EBADMSG;
}

}  // namespace finwait::netfilter
