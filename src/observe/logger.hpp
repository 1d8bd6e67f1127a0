// Where log lines go: to the journal by its native protocol, with their fields, where stderr is the journal's
// anyway (systemd says so by JOURNAL_STREAM, systemd.exec(5)); otherwise to stderr, as text.
#pragma once

#include <memory>
#include <string>

#include <spdlog/logger.h>
#include <spdlog/sinks/sink.h>

namespace finwait::observe {

/// Whether `stream`, JOURNAL_STREAM's value ("device:inode"), names the file that `descriptor` is.
[[nodiscard]] bool is_journal(const char* stream, int descriptor);

/// Writes to the journal if `to_journal`, and to stderr if not, or when the journal does not take a line.
[[nodiscard]] std::shared_ptr<spdlog::sinks::sink> make_sink(bool to_journal);

/// A logger that hands lines to a thread of its own and drops the oldest when that falls behind. `level`:
/// error, warn, info or debug.
[[nodiscard]] std::shared_ptr<spdlog::logger> make_logger(const std::string& level);

}  // namespace finwait::observe
