// Reads a file that an operator named, without ever waiting for one that is not a file: a FIFO without a
// writer would block the daemon for ever, and opening a device may do something.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace finwait::config {

struct Content {
    std::string text;
    std::string problem;  // why it cannot be read; empty: it has been
};

/// The whole of `path`, which must be a regular file, or a symbolic link to one, of at most `most` bytes.
[[nodiscard]] Content read_regular_file(const std::string& path, std::size_t most);

/// Why a file cannot be at `path`; empty when it can. Whether this user may write it is not asked: the
/// daemon's may be another one.
[[nodiscard]] std::string obstacle_to_file(const std::filesystem::path& path);

/// Why a Unix socket cannot be at `path`; empty when it can, or when this user may not look.
[[nodiscard]] std::string obstacle_to_socket(const std::filesystem::path& path);

/// Why no file can be in the directory of `path`; empty when it can, or when this user may not look.
[[nodiscard]] std::string missing_directory(const std::filesystem::path& path);

}  // namespace finwait::config
