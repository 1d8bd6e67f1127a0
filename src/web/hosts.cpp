#include "web/hosts.hpp"

#include "tcp/address.hpp"

#include <algorithm>
#include <cctype>

namespace finwait::web {
namespace {

std::string normal(std::string_view name) {
    if (name.ends_with('.')) name.remove_suffix(1);  // the root
    std::string out(name);
    std::ranges::transform(out, out.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

/// Cuts off ":9652"; false where what follows the colon is no port.
bool remove_port(std::string_view& host) {
    const std::size_t colon = host.rfind(':');
    const std::size_t bracket = host.rfind(']');
    if (colon == host.npos || (bracket != host.npos && colon < bracket)) return true;
    const std::string_view port = host.substr(colon + 1);
    host = host.substr(0, colon);
    return !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == port.npos;
}

}  // namespace

Hosts::Hosts(std::vector<std::string> names) {
    for (const std::string& name : names)
        names_.push_back(normal(name));
    names_.emplace_back("localhost");
}

bool Hosts::allow(std::string_view host) const {
    if (!remove_port(host)) return false;
    if (host.starts_with('[') && host.ends_with(']')) {
        const auto address = tcp::Address::parse(host.substr(1, host.size() - 2));
        return address && !address->is_v4();
    }
    const auto address = tcp::Address::parse(host);
    if (address) return address->is_v4();
    return std::ranges::find(names_, normal(host)) != names_.end();
}

}  // namespace finwait::web
