#include "keeper.hpp"

#include "state/file.hpp"

#include <chrono>
#include <filesystem>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace finwait::daemon {

namespace {

constexpr std::uint32_t kSlotsPerBatch = 1024;
/// More than a flow takes in the file.
constexpr std::uint64_t kOctetsPerFlow = 512;

state::Origin origin_of(const config::Settings& settings, Shards shards) {
    state::Origin origin;
    state::ask_system(origin);
    origin.mark_mask = settings.intercept.mark_mask;
    origin.all_packets = settings.intercept.packets == config::Packets::all;
    origin.scope = static_cast<std::uint8_t>(settings.intercept.scope);
    origin.loopback = settings.intercept.loopback;
    origin.first_queue = settings.intercept.first_queue;
    origin.queues = static_cast<std::uint16_t>(shards.size());
    origin.backend = static_cast<std::uint8_t>(settings.intercept.backend);
    origin.spread = static_cast<std::uint8_t>(settings.intercept.spread);
    return origin;
}

/// Nothing can be kept without a directory. An operator who wants nothing kept says so by state.file = "".
bool has_directory(const std::filesystem::path& file, spdlog::logger& log) {
    std::error_code error;
    if (std::filesystem::is_directory(file.parent_path(), error)) return true;
    log.warn("connections are not kept over a restart: there is no directory {} (state.file)",
             file.parent_path().string());
    return false;
}

/// The engines' flows batch by batch, as a state::Source.
class Saving {
  public:
    Saving(Shards shards, Instant now) : shards_(shards), now_(now) {}

    bool operator()(std::uint16_t& shard, state::Octets& batch) {
        if (shard_ == shards_.size()) return false;
        shard = static_cast<std::uint16_t>(shard_);
        const engine::Engine& engine = *shards_[shard_]->handle().engine;
        const auto next = engine.save(now_, cursor_, kSlotsPerBatch, batch);
        cursor_ = next.value_or(0);
        if (!next) ++shard_;
        return true;
    }

  private:
    Shards shards_;
    Instant now_;
    std::size_t shard_ = 0;
    std::uint32_t cursor_ = 0;
};

/// What kept the file from being written, if anything. The stop goes on without memory, too.
std::optional<std::string> put_surely(const std::filesystem::path& file, const state::Origin& origin,
                                      Saving saving) {
    try {
        return state::put(file, origin, std::move(saving));
    } catch (const std::bad_alloc&) {
        return "there is not enough memory";
    }
}

std::uint64_t restore(const state::Content& content, Instant now, Shards shards) {
    std::vector<std::vector<state::OctetView>> batches(shards.size());
    for (const state::Batch& batch : content.batches)
        if (batch.shard < batches.size()) batches[batch.shard].push_back(batch.octets);
    std::uint64_t flows = 0;
    for (std::size_t i = 0; i < shards.size(); ++i)
        flows += shards[i]->handle().engine->restore(now, content.origin.at, batches[i]);
    return flows;
}

}  // namespace

void take_over_flows(const config::Settings& settings, Shards shards, spdlog::logger& log) {
    const std::filesystem::path file = settings.state.file;
    if (file.empty() || !has_directory(file, log)) return;
    const std::uint64_t most = (settings.limits.flows + shards.size() + 1024U) * kOctetsPerFlow;
    const auto taken = state::take(file, most);
    if (std::holds_alternative<state::Absent>(taken)) return;
    if (const auto* reason = std::get_if<std::string>(&taken)) {
        log.warn("{} is not used: {}", file.string(), *reason);
        return;
    }
    const state::Content& content = std::get<state::Loaded>(taken).content;
    const state::Origin now = origin_of(settings, shards);
    if (const auto reason = state::mismatch(content.origin, now)) {
        log.warn("{} is not used: {}", file.string(), *reason);
        return;
    }
    const std::uint64_t flows = restore(content, now.at, shards);
    log.info("{} flows taken over from {} (stopped {:.1f} s ago)", flows, file.string(),
             std::chrono::duration<double>(state::since(content.origin, now)).count());
}

void keep_flows(const config::Settings& settings, Shards shards, spdlog::logger& log) {
    const std::filesystem::path file = settings.state.file;
    if (file.empty() || !has_directory(file, log)) return;
    const state::Origin origin = origin_of(settings, shards);
    std::uint64_t flows = 0;
    for (const auto& shard : shards)
        flows += shard->handle().engine->gauges().flows;
    if (const auto problem = put_surely(file, origin, Saving(shards, origin.at)))
        log.error(
            "{} could not be written: {}. {} flows are forgotten by this stop; see to it that the directory "
            "can be written and has room, or set state.file = \"\"",
            file.string(), *problem, flows);
    else
        log.info("{} flows kept in {}", flows, file.string());
}

}  // namespace finwait::daemon
