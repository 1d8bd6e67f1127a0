// A file that is replaced as a whole or not at all: written beside it, flushed to the disk, then renamed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

namespace finwait::state {

class Replacement {
  public:
    /// Opens the file beside `target`, readable by its owner only.
    explicit Replacement(std::filesystem::path target);
    /// Removes what was not committed.
    ~Replacement();
    Replacement(const Replacement&) = delete;
    Replacement& operator=(const Replacement&) = delete;

    void write(std::span<const std::uint8_t> octets);
    /// Puts it in the target's place. False when that, or anything before, has failed.
    [[nodiscard]] bool commit();
    /// What failed first; 0: nothing.
    [[nodiscard]] int error() const { return error_; }

  private:
    bool check(bool done);

    std::filesystem::path target_;
    std::filesystem::path beside_;
    int descriptor_ = -1;
    int error_ = 0;
};

}  // namespace finwait::state
