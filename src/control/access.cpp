#include "control/access.hpp"

#include "control/within.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <fmt/format.h>
#include <grp.h>
#include <utility>

namespace finwait::control {

namespace {

/// A name service on this machine answers within a few milliseconds.
constexpr std::chrono::seconds kGroupPatience(2);

std::optional<gid_t> find_group(const std::string& name) {
    std::array<char, 16384> buffer{};
    group entry{};
    group* found = nullptr;
    if (::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
        return std::nullopt;
    }
    return found->gr_gid;
}

}  // namespace

std::optional<gid_t> group_id(const std::string& name) {
    if (name.empty()) return std::nullopt;
    using Found = std::optional<gid_t>;
    return within<Found>(kGroupPatience, [name] { return find_group(name); }).value_or(std::nullopt);
}

Access::Access(uid_t owner, std::string admin_group)
    : owner_(owner), name_(std::move(admin_group)), group_(group_id(name_)) {}

void Access::look_up_group() {
    if (const auto found = group_id(name_)) group_ = found;
}

void Access::note_missing_group(std::vector<std::string>& notes) const {
    if (group_ || name_.empty()) return;
    notes.push_back(
        fmt::format("control.admin_group: there is no group \"{0}\", so only root may kill, reload and "
                    "resume; create it with: groupadd --system {0}, and then run: finwaitctl reload",
                    name_));
}

bool Access::may_change(const Requester& who) const {
    if (owns(who)) return true;
    return group_ && std::ranges::find(who.groups, *group_) != who.groups.end();
}

bool Access::owns(const Requester& who) const {
    return who.uid == 0 || who.uid == static_cast<long>(owner_);
}

Error Access::refusal(const Request& request, const Requester& who) const {
    std::string message = fmt::format(
        "you are {} and may look, but not {}: ", who.text(),
        request.command == Command::policy ? std::string_view("resume a policy") : name(request.command));
    if (group_)
        message += fmt::format(
            "run it as root, or as a member of the group \"{0}\" (control.admin_group): usermod -aG {0} "
            "USER, "
            "and log in again",
            name_);
    else
        message += fmt::format(
            "run it as root; finwaitd has found no group \"{0}\" (control.admin_group): create it with: "
            "groupadd --system {0}, and then run as root: finwaitctl reload",
            name_);
    return {ErrorCode::permission, std::move(message), 0};
}

}  // namespace finwait::control
