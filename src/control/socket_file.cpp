#include "control/socket_file.hpp"

#include "control/access.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <optional>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace finwait::control {
namespace {

std::string errno_text(int error) {
    return std::strerror(error);
}  // NOLINT(concurrency-mt-unsafe)

std::string advice(const SocketNames& names, int error) {
    if (error == EACCES || error == EPERM)
        return fmt::format("; run as root, or set {} to a place of your own", names.key);
    return fmt::format("; set {} to another place", names.key);
}

std::string failed(const SocketNames& names, std::string_view what, const std::string& path, int error) {
    return fmt::format("{} {}: {}: {}{}", names.socket, path, what, errno_text(error), advice(names, error));
}

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    return address;
}

constexpr mode_t kForGroup = 0660;
constexpr mode_t kForOwner = 0600;

/// finwaitd's own directory, where a socket is by default. It is gone after every boot.
constexpr std::string_view kOwnDirectory = "/run/finwaitd";

/// Makes no directory but finwaitd's own: another one that is missing is a slip in the path.
std::string provide_directory(const SocketNames& names, const std::string& path) {
    namespace fs = std::filesystem;
    const fs::path directory = fs::path(path).parent_path();
    std::error_code error;
    if (directory.empty() || fs::exists(directory, error)) return {};
    if (error) return failed(names, "looking at its directory", path, error.value());
    if (fs::weakly_canonical(directory, error) != kOwnDirectory)
        return fmt::format("{0} {1}: there is no directory {2}; make it, or set {3} to another place",
                           names.socket, path, directory.string(), names.key);
    fs::create_directory(directory, error);
    if (error) return failed(names, "creating its directory", path, error.value());
    using fs::perms;
    const perms mode =
        perms::owner_all | perms::group_read | perms::group_exec | perms::others_read | perms::others_exec;
    fs::permissions(directory, mode, error);
    return error ? failed(names, "setting its directory's mode", path, error.value()) : std::string();
}

std::string in_use(const SocketNames& names, const std::string& path, int connection) {
    ucred peer{};
    socklen_t size = sizeof peer;
    std::string pid;
    if (connection >= 0 && ::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
        peer.pid > 0) {
        pid = fmt::format(" (pid {})", peer.pid);
    }
    return fmt::format("{} {} is in use by a running finwaitd{}; stop it or set {}", names.socket, path, pid,
                       names.key);
}

/// Makes way for a new socket; what stands in the way, if it has to stay there.
std::string clear_place(const SocketNames& names, const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) {
        return errno == ENOENT ? std::string() : failed(names, "looking at it", path, errno);
    }
    if (!S_ISSOCK(status.st_mode)) {
        return fmt::format("{} {}: another kind of file is there; remove it or set {}", names.socket, path,
                           names.key);
    }
    const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) return failed(names, "opening a socket", path, errno);
    const sockaddr_un address = address_of(path);
    const int connected = ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    const int error = connected == 0 ? 0 : errno;
    // EAGAIN: somebody listens, and its backlog is full.
    const std::string live =
        error == 0 || error == EAGAIN ? in_use(names, path, error == 0 ? probe : -1) : std::string();
    ::close(probe);
    if (!live.empty()) return live;
    if (error != ECONNREFUSED && error != ENOENT)
        return failed(names, "finding out who uses it", path, error);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        return failed(names, "removing a stale one", path, errno);
    return {};
}

}  // namespace

std::variant<SocketFile, std::string> SocketFile::open(const std::string& path, const std::string& group,
                                                       std::vector<std::string>& notes,
                                                       const SocketNames& names) {
    if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) {
        return fmt::format("{} \"{}\": its path must have 1 to {} bytes", names.socket, path,
                           sizeof(sockaddr_un::sun_path) - 1);
    }
    if (std::string problem = provide_directory(names, path); !problem.empty()) return problem;
    if (std::string problem = clear_place(names, path); !problem.empty()) return problem;
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return failed(names, "opening a socket", path, errno);
    SocketFile file(path, descriptor, names);
    if (std::string problem = file.bind_and_listen(group, notes); !problem.empty()) return problem;
    return file;
}

std::string SocketFile::bind_and_listen(const std::string& group, std::vector<std::string>& notes) {
    const mode_t mode = group.empty() ? kForGroup : kForOwner;
    // The file takes its mode from the socket, so that it is never open to all, not even between bind and
    // chmod.
    if (::fchmod(descriptor_, mode) != 0) return failed(names_, "setting its mode", path_, errno);
    const sockaddr_un address = address_of(path_);
    if (::bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return failed(names_, "binding it", path_, errno);
    }
    bound_ = true;
    struct stat status {};
    if (::lstat(path_.c_str(), &status) != 0) return failed(names_, "looking at it", path_, errno);
    device_ = status.st_dev;
    inode_ = status.st_ino;
    if (::chmod(path_.c_str(), mode) != 0) return failed(names_, "setting its mode", path_, errno);
    if (!group.empty()) give_to(group, notes);
    if (::listen(descriptor_, SOMAXCONN) != 0) return failed(names_, "listening", path_, errno);
    return {};
}

void SocketFile::give_to(const std::string& group, std::vector<std::string>& notes) {
    if (!is_ours()) return;
    const std::optional<gid_t> id = group_id(group);
    if (!id && given_) return;
    if (!id) {
        notes.push_back(
            fmt::format("control.group: there is no group \"{0}\", so only root may use {1}; create it "
                        "with: groupadd --system {0}, and then run: finwaitctl reload",
                        group, path_));
    } else if (::chown(path_.c_str(), static_cast<uid_t>(-1), *id) != 0 ||
               ::chmod(path_.c_str(), kForGroup) != 0) {
        notes.push_back(fmt::format("control.group: {} cannot be given to group \"{}\": {}", path_, group,
                                    errno_text(errno)));
    } else {
        given_ = true;
    }
}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : names_(other.names_),
      path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      device_(other.device_),
      inode_(other.inode_),
      bound_(std::exchange(other.bound_, false)),
      given_(other.given_) {}

SocketFile::~SocketFile() {
    remove();
    if (descriptor_ >= 0) ::close(descriptor_);
}

int SocketFile::release_descriptor() {
    return std::exchange(descriptor_, -1);
}

/// Another daemon may have put its own there.
bool SocketFile::is_ours() const {
    struct stat status {};
    return bound_ && ::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ &&
           status.st_ino == inode_;
}

void SocketFile::remove() {
    if (is_ours()) ::unlink(path_.c_str());
    bound_ = false;
}

}  // namespace finwait::control
