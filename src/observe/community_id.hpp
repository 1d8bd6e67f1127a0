// Community ID v1, by which other monitors (Zeek, Suricata, Arkime) name the same connection:
// https://github.com/corelight/community-id-spec. The seed is its default, 0.
#pragma once

#include "tcp/address.hpp"

#include <string>

namespace finwait::observe {

/// "1:" and a hash in base64; the same for both directions of a TCP connection. "" should hashing fail.
[[nodiscard]] std::string community_id(const tcp::Endpoint& one, const tcp::Endpoint& other);

}  // namespace finwait::observe
