#include "observe/logger.hpp"

#include "observe/line.hpp"

#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <mutex>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>
#include <vector>

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
        std::fwrite(text.data(), 1, text.size(), stderr);
    }
    void flush_() override { std::fflush(stderr); }

    bool to_journal_;
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
