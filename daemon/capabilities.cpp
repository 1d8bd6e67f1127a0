#include "capabilities.hpp"

#include <cstdint>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

namespace finwait::daemon {

std::vector<std::string> missing_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
    std::vector<std::string> missing;
    if (syscall(SYS_capget, &header, data) != 0) return missing;
    const auto has = [&](unsigned capability) {
        return (data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) != 0;
    };
    if (!has(CAP_NET_ADMIN)) missing.emplace_back("CAP_NET_ADMIN");
    if (!has(CAP_NET_RAW)) missing.emplace_back("CAP_NET_RAW");
    return missing;
}

}  // namespace finwait::daemon
