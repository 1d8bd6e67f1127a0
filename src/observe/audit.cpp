#include "observe/audit.hpp"

#include "observe/line.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <unistd.h>
#include <utility>

namespace finwait::observe {
namespace {

constexpr std::size_t kWriteAtOnce = 64U << 10U;
constexpr auto kTellEvery = std::chrono::seconds(1);

std::string errno_text(int error) {
    return std::strerror(error);
}  // NOLINT(concurrency-mt-unsafe)

std::uint64_t lines_in(std::string_view text) {
    return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

Audit::Audit(std::shared_ptr<spdlog::logger> logger, std::size_t capacity)
    : logger_(std::move(logger)), capacity_(capacity) {}

Audit::~Audit() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
    if (next_ && next_->descriptor >= 0) ::close(next_->descriptor);
    if (file_.descriptor >= 0) ::close(file_.descriptor);
}

std::optional<std::string> Audit::use(const std::string& path) {
    File file{-1, path};
    if (path.empty() && !thread_.joinable()) return std::nullopt;
    if (!path.empty()) {
        // Not blocking: a pipe that nobody reads must not stop the daemon.
        constexpr int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
        file.descriptor = ::open(path.c_str(), flags, 0640);
        if (file.descriptor < 0) return path + " cannot be written: " + errno_text(errno);
    }
    if (!path.empty() && !thread_.joinable()) {
        // Touched only as events come; whoever tells them is not to wait for memory, nor to go without.
        queue_.reserve(capacity_);
        entries_.reserve(capacity_);
    }
    {
        const std::lock_guard lock(mutex_);
        if (next_ && next_->descriptor >= 0) ::close(next_->descriptor);
        next_ = file;
        next_from_ = queue_.size();
    }
    on_.store(!path.empty(), std::memory_order_relaxed);
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    wake_.notify_one();
    return std::nullopt;
}

void Audit::note(const engine::Event& event, const std::string& policy) {
    if (on()) hand_over(Noted{WallClock::now(), event, policy});
}

void Audit::note(std::string line) {
    if (on()) hand_over(std::move(line));
}

void Audit::hand_over(Entry entry) {
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        if (queue_.size() >= capacity_) {
            ++dropped_;
            return;
        }
        first = queue_.empty();
        queue_.push_back(std::move(entry));
    }
    if (first) wake_.notify_one();
}

void Audit::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        const auto due = [this] { return stop_ || next_ || !queue_.empty(); };
        if (untold_ > 0)
            wake_.wait_for(lock, kTellEvery, due);
        else
            wake_.wait(lock, due);
        const bool last = stop_;
        entries_.clear();
        entries_.swap(queue_);
        std::optional<File> next = std::exchange(next_, std::nullopt);
        const std::size_t from = next_from_;
        const std::uint64_t dropped = std::exchange(dropped_, 0);
        lock.unlock();
        if (next) {
            write_surely(std::span(entries_).first(from));
            change_to(std::move(*next));
        }
        write_surely(std::span(entries_).subspan(next ? from : 0));
        tell_dropped(dropped);
        lock.lock();
        if (last && queue_.empty()) return;
    }
}

void Audit::change_to(File file) {
    if (file_.descriptor >= 0) ::close(file_.descriptor);
    file_ = std::move(file);
    torn_ = failing_ = false;
    failed_ = 0;
}

/// Lines that there is no memory to make are lost, and counted.
void Audit::write_surely(std::span<const Entry> entries) noexcept {
    try {
        write(entries);
    } catch (const std::bad_alloc&) {
        lost_.fetch_add(entries.size(), std::memory_order_relaxed);
    }
}

void Audit::write(std::span<const Entry> entries) {
    if (file_.descriptor < 0) return;
    std::string text;
    for (const Entry& entry : entries) {
        if (const auto* noted = std::get_if<Noted>(&entry))
            text += event_line(noted->at, noted->event, noted->policy);
        else
            text += std::get<std::string>(entry);
        text += '\n';
        if (text.size() < kWriteAtOnce) continue;
        write(text);
        text.clear();
    }
    write(text);
}

void Audit::write(std::string_view text) {
    if (text.empty()) return;
    if (torn_ && ::write(file_.descriptor, "\n", 1) != 1) return tell_of_failure(errno, text);
    torn_ = false;
    while (!text.empty()) {
        const ssize_t written = ::write(file_.descriptor, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return tell_of_failure(written < 0 ? errno : EIO, text);
        torn_ = text[static_cast<std::size_t>(written) - 1] != '\n';
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    if (!std::exchange(failing_, false)) return;
    logger_->warn("audit file {} can be written again; {} events are missing in it", file_.path,
                  std::exchange(failed_, 0));
}

void Audit::tell_of_failure(int error, std::string_view unwritten) {
    const std::uint64_t lines = lines_in(unwritten);
    lost_.fetch_add(lines, std::memory_order_relaxed);
    failed_ += lines;
    if (std::exchange(failing_, true)) return;
    const std::string text = "audit file " + file_.path + " cannot be written: " + errno_text(error) +
                             "; its events are lost, and counted, until it can be; traffic goes on";
    Line(Message::audit_failing, text).log(*logger_, spdlog::level::err);
}

void Audit::tell_dropped(std::uint64_t dropped) noexcept {
    lost_.fetch_add(dropped, std::memory_order_relaxed);
    untold_ += dropped;
    const auto now = std::chrono::steady_clock::now();
    if (untold_ == 0 || now < told_ + kTellEvery) return;
    told_ = now;
    try {
        logger_->warn("{} events are missing in the audit file: it is written more slowly than they come",
                      untold_);
        untold_ = 0;
    } catch (const std::bad_alloc&) {
        // They are told a second later.
    }
}

}  // namespace finwait::observe
