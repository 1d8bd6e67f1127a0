// A Unix socket as a file, the control socket above all: finds out whether another daemon answers there,
// replaces a stale one, sets group and mode, and removes it at the end. Knows no protocol.
#pragma once

#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <variant>
#include <vector>

namespace finwait::control {

/// What messages call the socket, and the key that says where it is.
struct SocketNames {
    std::string_view socket = "control socket";
    std::string_view key = "control.socket";
};

class SocketFile {
  public:
    /// A socket that listens at `path`, for root and the members of `group` ("": of the daemon's own group).
    /// Where there is no such group, it is for root and the daemon's own user. The error is for operators;
    /// `notes` gets what they should know although it works.
    [[nodiscard]] static std::variant<SocketFile, std::string> open(const std::string& path,
                                                                    const std::string& group,
                                                                    std::vector<std::string>& notes,
                                                                    const SocketNames& names = {});
    SocketFile(SocketFile&& other) noexcept;
    SocketFile(const SocketFile&) = delete;
    SocketFile& operator=(const SocketFile&) = delete;
    SocketFile& operator=(SocketFile&&) = delete;
    ~SocketFile();

    /// The listening socket; whoever takes it closes it.
    [[nodiscard]] int release_descriptor();
    /// Looks `group` up again and gives the file to it. One that it was given to before keeps it where the
    /// group is not found now.
    void give_to(const std::string& group, std::vector<std::string>& notes);
    /// Unlinks the file, unless another daemon has put its own there meanwhile.
    void remove();

  private:
    SocketFile(std::string path, int descriptor, const SocketNames& names)
        : names_(names), path_(std::move(path)), descriptor_(descriptor) {}
    [[nodiscard]] bool is_ours() const;
    [[nodiscard]] std::string bind_and_listen(const std::string& group, std::vector<std::string>& notes);

    SocketNames names_;
    std::string path_;
    int descriptor_ = -1;
    dev_t device_ = 0;
    ino_t inode_ = 0;
    bool bound_ = false;
    bool given_ = false;  // to its group
};

}  // namespace finwait::control
