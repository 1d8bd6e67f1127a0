#include "capabilities.hpp"

#include <cstdint>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

namespace finwait::daemon {

namespace {

class Capabilities {
  public:
    [[nodiscard]] bool read() { return syscall(SYS_capget, &header_, data_) == 0; }
    [[nodiscard]] bool has(unsigned capability) const {
        return (data_[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) != 0;
    }
    /// Also from what programs that are run inherit.
    void drop(unsigned capability) {
        auto& set = data_[CAP_TO_INDEX(capability)];
        for (auto* const which : {&set.effective, &set.permitted, &set.inheritable})
            *which &= ~CAP_TO_MASK(capability);
        syscall(SYS_capset, &header_, data_);
    }

  private:
    __user_cap_header_struct header_{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data_[_LINUX_CAPABILITY_U32S_3] = {};
};

}  // namespace

std::vector<std::string> missing_capabilities() {
    Capabilities capabilities;
    std::vector<std::string> missing;
    if (!capabilities.read()) return missing;
    const auto has = [&](unsigned capability) { return capabilities.has(capability); };
    if (!has(CAP_NET_ADMIN)) missing.emplace_back("CAP_NET_ADMIN");
    if (!has(CAP_NET_RAW)) missing.emplace_back("CAP_NET_RAW");
    return missing;
}

void keep_group(std::uint32_t group) {
    constexpr auto kSame = static_cast<gid_t>(-1);
    // Without the right to, nothing changes: whoever opens the sockets says so.
    if (::setresgid(kSame, kSame, group) != 0) return;
    Capabilities capabilities;
    if (capabilities.read()) capabilities.drop(CAP_SETGID);
}

}  // namespace finwait::daemon
