// Reads a file that an operator named, without ever waiting for one that is not a file: a FIFO without a
// writer would block the daemon for ever, and opening a device may do something.
#pragma once

#include <cstddef>
#include <string>

namespace finwait::config {

struct Content {
    std::string text;
    std::string problem;  // why it cannot be read; empty: it has been
};

/// The whole of `path`, which must be a regular file, or a symbolic link to one, of at most `most` bytes.
[[nodiscard]] Content read_regular_file(const std::string& path, std::size_t most);

}  // namespace finwait::config
