// What the egress asks of a kernel, answered by the fuzzer. It may fail, forget and contradict itself, but it
// does not lie about names: each end of a connection has one by which its peer knows it.
#pragma once

#include "egress/machine.hpp"
#include "input.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace finwait::fuzz {

class Kernel {
  public:
    explicit Kernel(Input& in) : in_(in) {}

    /// By which the peer knows an end.
    static tcp::Endpoint shown(const tcp::Endpoint& own) {
        return {own.address, static_cast<std::uint16_t>(own.port ^ 0x2000U)};
    }

    [[nodiscard]] egress::Answer answer(const egress::FindEntry& a) { return entry(a.source, a.destination); }
    [[nodiscard]] egress::Answer answer(const egress::ReadEntry& a) {
        return entry(a.connection.opener.own, a.connection.answerer.own);
    }
    [[nodiscard]] egress::Answer answer(const egress::CheckTable&) { return egress::Table{in_.flag()}; }
    [[nodiscard]] egress::Answer answer(const egress::ScanTable& a) {
        wanted_.try_emplace(std::minmax(a.source, a.destination));
        return egress::Done{};
    }
    [[nodiscard]] egress::Answer answer(const egress::MarkEntry&) {
        if (in_.below(4) == 3) return egress::Failed{};
        return egress::Done{};
    }
    [[nodiscard]] egress::Answer answer(const egress::QuerySocket&) {
        switch (in_.below(4)) {
            case 0: return egress::NoSocket{};
            case 1: return egress::Failed{};
            default: break;
        }
        const auto state = static_cast<tcp::State>(in_.below(tcp::kStateCount));
        return egress::Socket{state, in_.flag(), in_.flag()};
    }
    [[nodiscard]] egress::Answer answer(const egress::DestroySocket&) {
        return static_cast<egress::Destroyed>(in_.below(3));
    }

    /// A search ends: what it has found of all that was wanted.
    [[nodiscard]] egress::Wanted take_found() {
        for (auto& [ends, found] : wanted_)
            if (const auto answer = entry(ends.first, ends.second);
                const auto* t = std::get_if<flow::Translation>(&answer))
                found = *t;
        return std::exchange(wanted_, {});
    }

    void forget() { wanted_.clear(); }

  private:
    [[nodiscard]] egress::Answer entry(const tcp::Endpoint& a, const tcp::Endpoint& b) {
        const std::uint8_t bits = in_.take<std::uint8_t>();
        if (bits % 4 == 0) return egress::NoEntry{};
        if (bits % 4 == 1) return egress::Failed{};
        flow::Translation t{{a, shown(a)}, {b, shown(b)}};
        t.mark = (bits & 4U) != 0 ? 0 : UINT32_MAX;
        t.open = (bits & 8U) != 0;
        t.astray = (bits & 16U) != 0;
        t.shared = (bits & 0xe0U) == 0x20U;
        t.shifted = (bits & 0xe0U) == 0x40U;
        return t;
    }

    Input& in_;
    egress::Wanted wanted_;
};

}  // namespace finwait::fuzz
