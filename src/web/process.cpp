#include "web/process.hpp"

#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace finwait::web {
namespace {

/// The fields of /proc/self/stat behind the name, which may hold anything: proc(5)'s third is the first here.
std::istringstream stat_fields() {
    std::ifstream file("/proc/self/stat");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const std::size_t name = text.rfind(')');
    return std::istringstream(name == text.npos ? std::string() : text.substr(name + 1));
}

double seconds_of(clockid_t clock) {
    timespec at{};
    ::clock_gettime(clock, &at);
    return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) / 1e9;
}

/// When the machine was started, in seconds since 1970. Found out once: a clock that is set meanwhile must
/// not look like another start.
double boot_time() {
    static const double kBooted = seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME);
    return kBooted;
}

void read_stat(Process& process) {
    std::istringstream in = stat_fields();
    std::string skipped;
    for (int field = 3; field < 14; ++field)
        in >> skipped;
    double user = 0, system = 0, started = 0;
    std::uint64_t resident_pages = 0;
    in >> user >> system >> skipped >> skipped >> skipped >> skipped >> process.threads >> skipped >>
        started >> process.virtual_bytes >> resident_pages;
    if (!in) return;
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    process.cpu_seconds = (user + system) / ticks;
    process.start_time_seconds = boot_time() + started / ticks;
    process.resident_bytes = resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

Process look_at_process() {
    Process process;
    read_stat(process);
    std::error_code error;
    const std::filesystem::directory_iterator descriptors("/proc/self/fd", error);
    if (!error)
        process.open_fds = static_cast<std::uint64_t>(std::distance(begin(descriptors), end(descriptors)));
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) process.max_fds = limit.rlim_cur;
    return process;
}

}  // namespace finwait::web
