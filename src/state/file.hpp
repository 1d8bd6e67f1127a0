// The state file on disk: flows between a clean stop and the next start.
#pragma once

#include "state/format.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <variant>

namespace finwait::state {

struct Absent {};

/// A file's content and the memory that it lies in.
struct Loaded {
    Octets file;
    Content content;
};

/// Reads a file of at most `most` bytes and removes it, so that it is used once only, also when reading it
/// should end us. The text says why it cannot be used; what is not ours is not removed.
[[nodiscard]] std::variant<Loaded, Absent, std::string> take(const std::filesystem::path& path,
                                                             std::uint64_t most);

/// Hands out the next batch and its shard's number; false when there are no more.
using Source = std::function<bool(std::uint16_t& shard, Octets& batch)>;

/// Replaces the file. What went wrong, or nothing; the file is then as it was.
[[nodiscard]] std::optional<std::string> put(const std::filesystem::path& path, const Origin& origin,
                                             const Source& source);

}  // namespace finwait::state
