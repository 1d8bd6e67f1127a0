#include "state/file.hpp"

#include "state/replace.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace finwait::state {

namespace {

/// What is collected before it is written.
constexpr std::size_t kBlock = std::size_t{1} << 20U;

class Descriptor {
  public:
    explicit Descriptor(const std::filesystem::path& path)
        : number_(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)) {}
    ~Descriptor() {
        if (number_ >= 0) close(number_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int number() const { return number_; }

  private:
    int number_;
};

std::string reason(int error) {
    return std::strerror(error);
}

/// Reads until `octets` is full; what came is what it holds then. False on an error.
bool read_into(int descriptor, std::span<std::uint8_t> octets, std::size_t& got) {
    got = 0;
    while (got < octets.size()) {
        const ssize_t n = read(descriptor, octets.data() + got, octets.size() - got);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        if (n == 0) break;
        got += static_cast<std::size_t>(n);
    }
    return true;
}

/// Only who may write the file can have put something into it.
std::optional<std::string> distrusted(const struct stat& about, std::uint64_t most) {
    if (!S_ISREG(about.st_mode)) return "it is not a regular file";
    if (about.st_uid != geteuid()) return "it belongs to another user";
    if ((about.st_mode & (S_IWGRP | S_IWOTH)) != 0) return "others than its owner may write it";
    if (static_cast<std::uint64_t>(about.st_size) > most)
        return "it is larger than limits.flows connections are";
    return std::nullopt;
}

/// Something else that is there must not be overwritten by a mistyped path.
bool is_foreign(const std::filesystem::path& path) {
    const Descriptor file(path);
    if (file.number() < 0) return errno != ENOENT;
    std::array<std::uint8_t, 16> head{};
    std::size_t got = 0;
    if (!read_into(file.number(), head, got)) return true;
    return got > 0 && !is_ours(std::span(head).first(got));
}

}  // namespace

std::variant<Loaded, Absent, std::string> take(const std::filesystem::path& path, std::uint64_t most) {
    const Descriptor file(path);
    if (file.number() < 0) {
        if (errno == ENOENT) return Absent{};
        return "it cannot be opened (" + reason(errno) + ")";
    }
    struct stat about {};
    if (fstat(file.number(), &about) != 0) return "it cannot be looked at (" + reason(errno) + ")";
    if (auto distrust = distrusted(about, most)) return *distrust;
    Loaded loaded;
    loaded.file.resize(static_cast<std::size_t>(about.st_size));
    std::size_t got = 0;
    if (!read_into(file.number(), loaded.file, got)) return "it cannot be read (" + reason(errno) + ")";
    loaded.file.resize(got);
    if (is_ours(loaded.file)) unlink(path.c_str());
    auto content = decode(loaded.file);
    if (auto* refusal = std::get_if<std::string>(&content)) return std::move(*refusal);
    loaded.content = std::move(std::get<Content>(content));
    return loaded;
}

std::optional<std::string> put(const std::filesystem::path& path, const Origin& origin,
                               const Source& source) {
    if (is_foreign(path)) return "what is there is not a state file of finwaitd";
    Replacement file(path);
    Encoder encoder(origin);
    Octets& buffer = encoder.buffer();
    std::uint16_t shard = 0;
    Octets batch;
    while (file.error() == 0 && source(shard, batch)) {
        encoder.add(shard, batch);
        batch.clear();
        if (buffer.size() < kBlock) continue;
        file.write(buffer);
        buffer.clear();
    }
    encoder.finish();
    file.write(buffer);
    if (file.commit()) return std::nullopt;
    return reason(file.error());
}

}  // namespace finwait::state
