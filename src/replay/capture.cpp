#include "replay/capture.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <unistd.h>

namespace finwait::replay {
namespace {

/// stdio's own buffer would cost a system call for every few packets.
constexpr std::size_t kBuffer = 256U << 10U;

struct FileCloser {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

/// Standard input by a descriptor of its own, so that closing is the same for all.
File open_file(const std::string& path) {
    const int fd =
        path == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return nullptr;
    File file(::fdopen(fd, "rb"));
    if (!file) ::close(fd);
    return file;
}

}  // namespace

void Capture::Closer::operator()(pcap* handle) const {
    pcap_close(handle);
}

std::variant<Capture, std::string> Capture::open(const std::string& path) {
    File file = open_file(path);
    if (!file) return std::string(std::strerror(errno));  // NOLINT(concurrency-mt-unsafe)
    Capture capture;
    capture.buffer_.resize(kBuffer);
    std::setvbuf(file.get(), capture.buffer_.data(), _IOFBF, kBuffer);
    char why[PCAP_ERRBUF_SIZE] = {};
    capture.handle_.reset(
        pcap_fopen_offline_with_tstamp_precision(file.get(), PCAP_TSTAMP_PRECISION_NANO, why));
    if (!capture.handle_) return "not a pcap or pcapng capture: " + std::string(why);
    static_cast<void>(file.release());  // the handle closes it
    capture.link_type_ = pcap_datalink(capture.handle_.get());
    return capture;
}

std::optional<Packet> Capture::next() {
    if (!problem_.empty()) return std::nullopt;
    pcap_pkthdr* header = nullptr;
    const std::uint8_t* bytes = nullptr;
    const int result = pcap_next_ex(handle_.get(), &header, &bytes);
    if (result == PCAP_ERROR_BREAK) return std::nullopt;
    if (result != 1) {
        problem_ = "packet " + std::to_string(packets_ + 1) + ": " + pcap_geterr(handle_.get());
        return std::nullopt;
    }
    ++packets_;
    const std::size_t copied = header->caplen;
    return Packet{time_of(header->ts.tv_sec, header->ts.tv_usec),
                  {bytes, copied},
                  std::max<std::size_t>(copied, header->len)};
}

/// Absurd stamps are cut down to what can be reckoned with: no capture lasts a century.
Instant Capture::time_of(std::int64_t seconds, std::int64_t nanoseconds) {
    constexpr std::int64_t kMostSeconds = std::int64_t{1} << 40U;
    constexpr std::int64_t kCentury = std::int64_t{36525} * 24 * 3600;
    // The pcap format's 32 bits are unsigned; libpcap hands them on as signed from 2038 on.
    if (seconds < 0) seconds += std::int64_t{1} << 32U;
    const std::int64_t whole = std::clamp<std::int64_t>(seconds, 0, kMostSeconds);
    const std::int64_t part = std::clamp<std::int64_t>(nanoseconds, 0, 999'999'999);
    if (!first_) first_ = {whole, part};
    const std::int64_t since = std::clamp(whole - first_->first, -kCentury, kCentury);
    const Instant stamped(std::chrono::seconds(since) + std::chrono::nanoseconds(part - first_->second));
    if (stamped < latest_) ++backwards_;
    latest_ = std::max(latest_, stamped);
    return latest_;
}

}  // namespace finwait::replay
