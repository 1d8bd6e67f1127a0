#include "observe/logger.hpp"

#include "observe/line.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <fmt/format.h>
#include <mutex>
#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>
#include <vector>

#include <climits>
#include <spdlog/async.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#define SD_JOURNAL_SUPPRESS_LOCATION  // it would be this file's
#include <systemd/sd-journal.h>

namespace finwait::observe {
namespace {

constexpr std::size_t kLogQueue = 8192;

int priority(spdlog::level::level_enum level) {
    switch (level) {
        case spdlog::level::critical: return LOG_CRIT;
        case spdlog::level::err: return LOG_ERR;
        case spdlog::level::warn: return LOG_WARNING;
        case spdlog::level::info: return LOG_INFO;
        default: return LOG_DEBUG;
    }
}

iovec vector_of(std::string_view text) {
    return {const_cast<char*>(text.data()), text.size()};  // only read from
}

bool send_to_journal(spdlog::level::level_enum level, const LineParts& parts) {
    const std::string message = "MESSAGE=" + std::string(parts.text);
    const std::string urgency = "PRIORITY=" + std::to_string(priority(level));
    std::vector<iovec> fields = {vector_of(message), vector_of(urgency),
                                 vector_of("SYSLOG_IDENTIFIER=finwaitd")};
    for (const std::string_view field : parts.fields)
        fields.push_back(vector_of(field));
    return sd_journal_sendv(fields.data(), static_cast<int>(fields.size())) == 0;
}

/// A pipe or terminal that nobody reads must not keep the log's thread for ever: the end of the daemon waits
/// for that. Once it has taken nothing for a second, lines are dropped until it does again.
class Stderr {
  public:
    void write(std::string_view text) {
        if (missing_ > 0 && is_ready()) {
            const std::string said =
                fmt::format("{} log lines are missing here: nobody took them\n", missing_);
            missing_ = 0;
            write_all(said);
        }
        write_all(text);
    }

  private:
    [[nodiscard]] bool is_ready() const {
        const int patience = missing_ > 0 ? 0 : kPatienceMs;
        pollfd one{STDERR_FILENO, POLLOUT, 0};
        int ready = ::poll(&one, 1, patience);
        while (ready < 0 && errno == EINTR)
            ready = ::poll(&one, 1, patience);
        return ready != 0;
    }

    /// A pipe that is ready takes so much without waiting (pipe(7)).
    void write_all(std::string_view text) {
        while (!text.empty()) {
            if (!is_ready()) {
                ++missing_;
                return;
            }
            const ssize_t written =
                ::write(STDERR_FILENO, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
            if (written < 0 && errno == EINTR) continue;
            if (written <= 0) return;
            text.remove_prefix(static_cast<std::size_t>(written));
        }
    }

    static constexpr int kPatienceMs = 1000;
    std::uint64_t missing_ = 0;
};

class Sink final : public spdlog::sinks::base_sink<std::mutex> {
  public:
    explicit Sink(bool to_journal) : to_journal_(to_journal) {}

  private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        const LineParts parts = take_apart({message.payload.data(), message.payload.size()});
        if (to_journal_ && send_to_journal(message.level, parts)) return;
        spdlog::details::log_msg readable = message;
        readable.payload = {parts.text.data(), parts.text.size()};
        spdlog::memory_buf_t text;
        formatter_->format(readable, text);
        stderr_.write({text.data(), text.size()});
    }
    void flush_() override {}

    bool to_journal_;
    Stderr stderr_;
};

}  // namespace

bool is_journal(const char* stream, int descriptor) {
    struct stat status {};
    if (stream == nullptr || ::fstat(descriptor, &status) != 0) return false;
    return stream == fmt::format("{}:{}", status.st_dev, status.st_ino);
}

std::shared_ptr<spdlog::sinks::sink> make_sink(bool to_journal) {
    return std::make_shared<Sink>(to_journal);
}

std::shared_ptr<spdlog::logger> make_logger(const std::string& level) {
    if (!spdlog::thread_pool()) spdlog::init_thread_pool(kLogQueue, 1);
    auto logger = std::make_shared<spdlog::async_logger>(
        "finwaitd", make_sink(is_journal(std::getenv("JOURNAL_STREAM"), STDERR_FILENO)),
        spdlog::thread_pool(), spdlog::async_overflow_policy::overrun_oldest);
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l: %v");
    logger->set_level(spdlog::level::from_str(level));
    logger->flush_on(spdlog::level::info);
    return logger;
}

}  // namespace finwait::observe
