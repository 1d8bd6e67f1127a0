// The audit file: every event as a line of JSON. Whoever reports one hands it to a thread of the audit's own
// and never waits, for a lock that is held only to move entries and never for the disk; what does not fit is
// counted and told. A file that cannot be written is told once, and what it costs is counted.
#pragma once

#include "observe/audit_json.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include <spdlog/logger.h>

namespace finwait::observe {

class Audit {
  public:
    static constexpr std::size_t kCapacity = 65'536;

    /// Off until use() names a file.
    explicit Audit(std::shared_ptr<spdlog::logger> logger, std::size_t capacity = kCapacity);
    Audit(const Audit&) = delete;
    Audit& operator=(const Audit&) = delete;
    /// Writes what is left.
    ~Audit();

    /// Opens `path` anew, to be appended to from now on; "" turns the audit off. What is wrong with it, in
    /// which case nothing changes. From one thread at a time.
    [[nodiscard]] std::optional<std::string> use(const std::string& path);

    [[nodiscard]] bool on() const { return on_.load(std::memory_order_relaxed); }
    /// From any thread; costs nothing while it is off.
    void note(const engine::Event& event, const std::string& policy);
    void note(std::string line);
    /// Events that are in no file: the writer fell behind, or could not write.
    [[nodiscard]] std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

  private:
    struct Noted {
        WallClock::time_point at;
        engine::Event event;
        std::string policy;
    };
    using Entry = std::variant<Noted, std::string>;
    struct File {
        int descriptor = -1;
        std::string path;
    };

    void hand_over(Entry entry);
    void run();
    void write_surely(std::span<const Entry> entries) noexcept;
    void write(std::span<const Entry> entries);
    void write(std::string_view text);
    void change_to(File file);
    void tell_of_failure(int error, std::string_view unwritten);
    void tell_dropped(std::uint64_t dropped) noexcept;

    std::shared_ptr<spdlog::logger> logger_;
    const std::size_t capacity_;
    std::atomic<bool> on_ = false;
    std::atomic<std::uint64_t> lost_ = 0;

    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Entry> queue_;
    std::optional<File> next_;   // to be written to
    std::size_t next_from_ = 0;  // from this entry of the queue on
    std::uint64_t dropped_ = 0;
    bool stop_ = false;

    // The writer's own.
    std::vector<Entry> entries_;
    File file_;
    bool torn_ = false;  // the file ends in the middle of a line
    bool failing_ = false;
    std::uint64_t failed_ = 0;  // since it fails
    std::uint64_t untold_ = 0;  // dropped, and not in the log yet
    std::chrono::steady_clock::time_point told_;

    std::thread thread_;
};

}  // namespace finwait::observe
