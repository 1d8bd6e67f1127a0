// What keeps a packet that this host sends itself from being routed as one that it forwards: VRFs, and rules
// that choose by the interface by which a packet came or by its ports, which one of ours has not (raw sockets
// know no ports). Whoever is asked by another way is silent, and would be taken for dead; so such connections
// are left alone. Read by rtnetlink (rtnetlink(7), Linux's include/uapi/linux/fib_rules.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

struct nlmsghdr;

namespace finwait::machine {

/// The first and the last one of a range.
using Ports = std::pair<std::uint16_t, std::uint16_t>;

struct Detours {
    std::vector<std::uint32_t> vrf;    // VRFs and their interfaces, by index, sorted
    std::vector<std::uint32_t> ruled;  // interfaces that rules choose by, sorted
    std::vector<Ports> ports;          // ranges that rules choose by
    std::vector<std::string> vrf_names;
    std::vector<std::string> rules;  // for people: "iif guest"

    [[nodiscard]] bool empty() const { return vrf.empty() && ruled.empty() && ports.empty(); }
    friend bool operator==(const Detours&, const Detours&) = default;
};

/// Gathers them from single messages, links and rules in any order.
class DetourScan {
  public:
    /// Takes an RTM_NEWLINK or RTM_NEWRULE, whole; passes over anything else.
    void take(const nlmsghdr& message);
    [[nodiscard]] Detours found() const;

  private:
    void take_link(const nlmsghdr& message);
    void take_rule(const nlmsghdr& message);
    void concerns(Ports ports, std::string rule);

    std::map<std::string, std::uint32_t> index_;
    std::vector<std::string> chosen_by_;  // interfaces, by name
    Detours found_;
};

/// Empty when the kernel cannot be asked.
[[nodiscard]] std::optional<Detours> scan_detours();

/// A socket that becomes readable when links or rules change.
class DetourWatch {
  public:
    DetourWatch();
    DetourWatch(const DetourWatch&) = delete;
    DetourWatch& operator=(const DetourWatch&) = delete;
    ~DetourWatch();

    /// -1 when there is none.
    [[nodiscard]] int descriptor() const { return fd_; }
    /// Reads away what has come.
    void drain() const;

  private:
    int fd_ = -1;
};

}  // namespace finwait::machine
