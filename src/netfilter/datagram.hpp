// What one read from a netlink socket gives, message by message.
#pragma once

#include <span>

#include <climits>
#include <libmnl/libmnl.h>

namespace finwait::netfilter {

/// Calls `take` for each whole message until it returns true; whether it did. The datagram must begin where
/// an nlmsghdr may.
template<typename Take>
bool each_message(std::span<const char> datagram, Take take) {
    int left = static_cast<int>(datagram.size());
    const auto* message = reinterpret_cast<const nlmsghdr*>(datagram.data());
    // mnl_nlmsg_ok() reads a length beyond INT_MAX as a negative one, which would fit anywhere.
    while (mnl_nlmsg_ok(message, left) && message->nlmsg_len <= INT_MAX) {
        if (take(*message)) return true;
        message = mnl_nlmsg_next(message, &left);
    }
    return false;
}

}  // namespace finwait::netfilter
