// A flow to ask filters about, made of the fuzzer's bytes.
#pragma once

#include "input.hpp"
#include "policy/subject.hpp"

#include <array>

namespace finwait::fuzz {

inline tcp::Address some_address(Input& in) {
    static const std::array<tcp::Address, 6> kAddresses = {
        *tcp::Address::parse("10.99.1.2"),   *tcp::Address::parse("10.99.2.2"),
        *tcp::Address::parse("192.0.2.77"),  *tcp::Address::parse("2001:db8::1"),
        *tcp::Address::parse("2001:db8::2"), *tcp::Address::parse("::")};
    return kAddresses[in.below(kAddresses.size())];
}

inline policy::Subject some_subject(Input& in) {
    static constexpr std::array<std::uint16_t, 4> kPorts = {80, 443, 40000, 0};
    static constexpr std::array<std::string_view, 3> kPolicies = {"default", "web", "a-b_c.d"};
    policy::Subject s;
    s.client = {some_address(in), kPorts[in.below(kPorts.size())]};
    s.server = {some_address(in), kPorts[in.below(kPorts.size())]};
    s.client_state = static_cast<tcp::State>(in.below(tcp::kStateCount));
    s.server_state = static_cast<tcp::State>(in.below(tcp::kStateCount));
    if (in.flag()) s.closer = static_cast<tcp::Role>(in.below(2));
    s.age = std::chrono::seconds(in.take<std::uint16_t>());
    if (in.flag()) s.idle = std::chrono::seconds(in.take<std::uint8_t>());
    s.policy = kPolicies[in.below(kPolicies.size())];
    s.phase = static_cast<policy::Phase>(in.below(policy::kPhaseNames.size()));
    return s;
}

}  // namespace finwait::fuzz
