// By which names this machine may be asked. A page elsewhere can have a browser here read from us once its
// own name leads to our address (DNS rebinding); what betrays it is that name, in the Host header. An address
// cannot be rebound, so addresses are fine.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace finwait::web {

class Hosts {
  public:
    /// `names` are allowed besides "localhost" and addresses.
    explicit Hosts(std::vector<std::string> names = {});

    /// Whether a Host header's value, with a port or without, is one of ours.
    [[nodiscard]] bool allow(std::string_view host) const;

  private:
    std::vector<std::string> names_;
};

}  // namespace finwait::web
