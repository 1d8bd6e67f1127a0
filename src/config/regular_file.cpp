#include "config/regular_file.hpp"

#include "config/settings.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace finwait::config {
namespace {

std::string text_of(int error) {
    return std::error_code(error, std::generic_category()).message();
}

/// What it is instead of a regular file; empty when it is one.
std::string other_kind(mode_t mode) {
    if (S_ISREG(mode)) return {};
    const char* kind = "not a regular file";
    if (S_ISDIR(mode)) kind = "a directory";
    if (S_ISFIFO(mode)) kind = "a FIFO";
    if (S_ISSOCK(mode)) kind = "a socket";
    if (S_ISCHR(mode) || S_ISBLK(mode)) kind = "a device";
    return std::string("it is ") + kind;
}

bool leads_nowhere(const std::string& path) {
    struct stat link {};
    return ::lstat(path.c_str(), &link) == 0 && S_ISLNK(link.st_mode);
}

std::string why_not_there(const std::string& path, int error) {
    if (error == ENOENT && leads_nowhere(path)) return "it is a symbolic link to a file that does not exist";
    return text_of(error);
}

std::string too_long(std::size_t most) {
    return "it is longer than " + std::to_string(most) + " bytes";
}

class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    [[nodiscard]] int number() const { return number_; }

  private:
    int number_;
};

/// Reads until the end, or until there is more than `most`.
Content read_all(int descriptor, std::size_t most) {
    Content content;
    content.text.resize(most + 1);
    std::size_t got = 0;
    while (got < content.text.size()) {
        const ssize_t n = ::read(descriptor, content.text.data() + got, content.text.size() - got);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return {{}, text_of(errno)};
        if (n == 0) break;
        got += static_cast<std::size_t>(n);
    }
    content.text.resize(got);
    if (got > most) return {{}, too_long(most)};
    return content;
}

}  // namespace

Content read_regular_file(const std::string& path, std::size_t most) {
    struct stat status {};
    // Looked at before it is opened, for opening a device can have an effect; and again afterwards, for it
    // may have been replaced.
    if (::stat(path.c_str(), &status) != 0) return {{}, why_not_there(path, errno)};
    if (std::string kind = other_kind(status.st_mode); !kind.empty()) return {{}, std::move(kind)};
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (file.number() < 0) return {{}, why_not_there(path, errno)};
    if (::fstat(file.number(), &status) != 0) return {{}, text_of(errno)};
    if (std::string kind = other_kind(status.st_mode); !kind.empty()) return {{}, std::move(kind)};
    if (status.st_size > static_cast<off_t>(most)) return {{}, too_long(most)};
    return read_all(file.number(), most);
}

std::string obstacle_to_file(const std::filesystem::path& path) {
    std::error_code error;
    const auto directory = path.parent_path();
    if (!std::filesystem::is_directory(directory, error))
        return "there is no directory " + directory.string();
    if (std::filesystem::is_directory(path, error)) return "it is a directory";
    const auto& written = std::filesystem::exists(path, error) ? path : directory;
    if (::access(written.c_str(), W_OK) == 0 || errno == EACCES || errno == EPERM) return {};
    return text_of(errno);
}

std::string missing_directory(const std::filesystem::path& path) {
    namespace fs = std::filesystem;
    std::error_code error;
    const fs::path directory = path.parent_path();
    const fs::file_type type = fs::status(directory, error).type();
    if (type == fs::file_type::not_found) return "there is no directory " + directory.string();
    const bool known = type != fs::file_type::none && type != fs::file_type::unknown;
    return known && type != fs::file_type::directory ? directory.string() + " is no directory" : "";
}

std::string obstacle_to_socket(const std::filesystem::path& path) {
    namespace fs = std::filesystem;
    // The one directory that the daemon makes, where its socket is by default.
    const fs::path own = fs::path(Control().socket).parent_path();
    std::error_code error;
    if (fs::weakly_canonical(path.parent_path(), error) == own && !fs::exists(own, error)) return {};
    if (std::string missing = missing_directory(path); !missing.empty()) return missing;
    const fs::file_type type = fs::symlink_status(path, error).type();
    const bool free = type == fs::file_type::not_found || type == fs::file_type::socket ||
                      type == fs::file_type::none || type == fs::file_type::unknown;
    return free ? "" : "another kind of file is there";
}

}  // namespace finwait::config
