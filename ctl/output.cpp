#include "ctl/output.hpp"

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>

namespace finwait::ctl {

void Output::write(std::string_view text) {
    constexpr std::size_t piece = 64U << 10U;
    if (ended_) return;
    buffer_ += text;
    if (buffer_.size() >= piece) flush();
}

void Output::flush() {
    if (text_ != nullptr) *text_ += std::exchange(buffer_, {});
    std::string_view rest = buffer_;
    while (!rest.empty() && !ended_) {
        const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
        if (written >= 0) {
            rest.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno != EINTR) {
            ended_ = true;
            error_ = errno == EPIPE ? 0 : errno;
        }
    }
    buffer_.clear();
}

bool use_colours(Colours wish, int descriptor) {
    if (wish != Colours::automatic) return wish == Colours::always;
    const char* const forbidden = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe)
    if (forbidden != nullptr && *forbidden != '\0') return false;
    const char* const kind = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe)
    return kind != nullptr && std::string_view(kind) != "dumb" && ::isatty(descriptor) != 0;
}

std::optional<std::size_t> terminal_width(int descriptor) {
    constexpr std::size_t usual = 80;
    if (::isatty(descriptor) == 0) return std::nullopt;
    if (const char* columns = std::getenv("COLUMNS"); columns != nullptr) {  // NOLINT(concurrency-mt-unsafe)
        const std::string_view text = columns;
        std::size_t width = 0;
        const auto read = std::from_chars(text.data(), text.data() + text.size(), width);
        if (read.ec == std::errc() && read.ptr == text.data() + text.size() && width > 0) return width;
    }
    winsize size{};
    if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return usual;
}

}  // namespace finwait::ctl
