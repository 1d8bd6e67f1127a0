// Names for addresses, asked of the system's resolver, and for ports. A name server may take its time, and a
// listing must not wait for it for ever: so many addresses, so long in all; the rest stays as it is. Whoever
// owns an address writes its name, so nothing but a host name is shown.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace finwait::ctl {

/// The address's name; empty when it has none. May take long, and is called on several threads at once.
using AskName = std::function<std::string(const std::string& address)>;

/// By getnameinfo(3): hosts, DNS and whatever else nsswitch.conf says.
[[nodiscard]] std::string name_by_system(const std::string& address);

class Names {
  public:
    struct Limits {
        std::size_t addresses = 1000;
        std::size_t at_once = 32;
        std::chrono::milliseconds patience{5000};  // for all find() together
    };

    explicit Names(AskName ask = &name_by_system) : Names(std::move(ask), Limits{}) {}
    Names(AskName ask, Limits limits);
    Names(const Names&) = delete;
    Names& operator=(const Names&) = delete;
    ~Names() = default;

    /// Asks for those that are not known yet, and waits for the answers as long as there is patience.
    void find(const std::vector<std::string>& addresses);
    /// The name, or the address itself where there is none.
    [[nodiscard]] const std::string& of(const std::string& address) const;
    /// "https" for 443; empty when the port has no name.
    [[nodiscard]] const std::string& service(std::uint16_t port);
    /// Addresses that a limit has left without an answer.
    [[nodiscard]] std::size_t left_out() const { return left_out_; }

  private:
    struct Inquiry;

    [[nodiscard]] std::vector<std::string> unknown(const std::vector<std::string>& addresses);

    AskName ask_;
    Limits limits_;
    std::map<std::string, std::string> names_;  // the name itself; the address where it has none
    std::map<std::uint16_t, std::string> services_;
    std::size_t asked_ = 0;
    std::size_t left_out_ = 0;
};

/// Whether this may be shown: letters, digits, ".", "-" and "_", and no more than a host name has.
[[nodiscard]] bool is_host_name(std::string_view text);

}  // namespace finwait::ctl
