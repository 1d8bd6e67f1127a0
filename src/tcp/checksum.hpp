// The checksum of a TCP segment (RFC 9293 section 3.1, RFC 1071): whether its receiver would take it at all.
#pragma once

#include "tcp/address.hpp"
#include "tcp/bytes.hpp"

namespace finwait::tcp {

/// `segment`: all of it, from its header on, at most 65535 bytes.
[[nodiscard]] bool adds_up(const Address& source, const Address& destination, Bytes segment);

}  // namespace finwait::tcp
