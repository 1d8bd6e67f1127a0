#include "state/replace.hpp"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace finwait::state {

Replacement::Replacement(std::filesystem::path target)
    : target_(std::move(target)), beside_(target_.string() + ".new") {
    unlink(beside_.c_str());  // left by one that was killed while it wrote
    descriptor_ = open(beside_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    check(descriptor_ >= 0);
}

Replacement::~Replacement() {
    if (descriptor_ < 0) return;
    close(descriptor_);
    unlink(beside_.c_str());
}

void Replacement::write(std::span<const std::uint8_t> octets) {
    while (!octets.empty() && error_ == 0) {
        const ssize_t written = ::write(descriptor_, octets.data(), octets.size());
        if (written < 0 && errno == EINTR) continue;
        if (check(written >= 0)) octets = octets.subspan(static_cast<std::size_t>(written));
    }
}

bool Replacement::commit() {
    if (error_ != 0 || !check(fsync(descriptor_) == 0)) return false;
    if (!check(rename(beside_.c_str(), target_.c_str()) == 0)) return false;
    close(std::exchange(descriptor_, -1));
    const int directory = open(target_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        fsync(directory);
        close(directory);
    }
    return true;
}

bool Replacement::check(bool done) {
    if (!done && error_ == 0) error_ = errno;
    return done;
}

}  // namespace finwait::state
