#include "machine/missing.hpp"

#include "config/cpus.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <grp.h>

namespace finwait::machine {
namespace {

bool has_group(const std::string& name) {
    std::array<char, 16384> buffer{};
    group entry{};
    group* found = nullptr;
    // Where the name service fails, nothing is known to be missing.
    return ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found != nullptr;
}

void add_missing_cpus(const config::Settings& settings, const Inventory& inventory,
                      std::vector<Finding>& out) {
    std::vector<std::uint16_t> absent =
        config::parse_cpus(settings.intercept.cpus).value_or(std::vector<std::uint16_t>());
    std::erase_if(absent, [&inventory](std::uint16_t cpu) {
        return std::ranges::find(inventory.cpus, cpu) != inventory.cpus.end();
    });
    if (absent.empty() || inventory.cpus.empty()) return;
    const bool automatic = settings.intercept.queues == 0;
    out.push_back({Grade::warning, "cpus",
                   "intercept.cpus: this machine has CPUs " + config::cpus_text(inventory.cpus) + ", not " +
                       config::cpus_text(absent) + ": the threads meant for those run on any CPU" +
                       (automatic ? ", and queues = 0 makes a queue for each of them." : "."),
                   "set intercept.cpus to CPUs that finwaitd's machine has"});
}

void add_missing_group(std::string_view key, const std::string& name, const std::string& effect,
                       const Inventory& inventory, std::vector<Finding>& out) {
    if (name.empty() || inventory.has_group(name)) return;
    out.push_back({Grade::warning, "groups",
                   std::string(key) + ": this machine has no group \"" + name + "\": " + effect + ".",
                   "groupadd --system " + name + "; a running finwaitd finds it by finwaitctl reload"});
}

}  // namespace

Inventory inventory() {
    std::string online;
    std::ifstream file("/sys/devices/system/cpu/online");
    std::getline(file, online);
    return {config::parse_cpus(online).value_or(std::vector<std::uint16_t>()), &has_group};
}

std::vector<Finding> missing(const config::Settings& settings, const Inventory& inventory) {
    std::vector<Finding> out;
    add_missing_cpus(settings, inventory, out);
    add_missing_group("control.group", settings.control.group, "only root may use the control socket",
                      inventory, out);
    add_missing_group("control.admin_group", settings.control.admin_group,
                      "only root may kill, reload and resume", inventory, out);
    return out;
}

}  // namespace finwait::machine
