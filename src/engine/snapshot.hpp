// One flow's record as bytes, so that a restart loses no knowledge: every field that matters, one by one.
// Times are kept relative to the moment of saving. An inquiry that is under way is not kept: it begins anew.
#pragma once

#include "engine/octets.hpp"
#include "flow/record.hpp"

#include <cstdint>
#include <span>

namespace finwait::engine {

/// Changes with every change of what is written.
inline constexpr std::uint16_t kSnapshotVersion = 3;

/// A record and the slot that it stood in.
struct Kept {
    std::uint32_t slot = 0;
    flow::Record record;
};

void write_record(OctetWriter& out, std::uint32_t slot, const flow::Record& record, Instant saved);

/// The record that was written. Takes nothing for granted: what could not have been written is refused, by
/// in.ok(). The policy, the timer and everything that belongs to the engine around it are not set.
[[nodiscard]] Kept read_record(OctetReader& in, Instant saved);

/// Whether a batch that Engine::save() may have written is one: generations, then records up to its end.
[[nodiscard]] bool readable(std::span<const std::uint8_t> batch, Instant saved);

}  // namespace finwait::engine
