// Which addresses are this machine's own.
#pragma once

#include "tcp/address.hpp"

#include <optional>
#include <set>

namespace finwait::host {

/// Whether the kernel would deliver to `address` here: what its own routing says (rtnetlink(7)), so that
/// ranges that are local as a whole count, too. Empty when it cannot be asked.
[[nodiscard]] std::optional<bool> is_local(const tcp::Address& address);

/// Those of its interfaces.
[[nodiscard]] std::set<tcp::Address> own_addresses();

}  // namespace finwait::host
