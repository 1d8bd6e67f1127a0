// Lets the tracked flows outlive the daemon: written to a file at a clean stop, taken over at the next start.
// Whatever goes wrong with that is told, and nothing else: the daemon starts and stops without it.
#pragma once

#include "config/settings.hpp"
#include "shard/shard.hpp"
#include "state/origin.hpp"

#include <cstdint>
#include <memory>
#include <span>

#include <spdlog/logger.h>

namespace finwait::daemon {

using Shards = std::span<const std::unique_ptr<shard::Shard>>;

/// Before the shards start and rules are installed.
void take_over_flows(const config::Settings& settings, Shards shards, spdlog::logger& log);

/// After the shards have stopped and the rules are gone.
void keep_flows(const config::Settings& settings, Shards shards, spdlog::logger& log);

}  // namespace finwait::daemon
