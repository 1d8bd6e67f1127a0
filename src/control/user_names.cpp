#include "control/user_names.hpp"

#include <array>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <pwd.h>
#include <thread>
#include <utility>

namespace finwait::control {
namespace {

/// A name service on this machine answers within a few milliseconds.
constexpr std::chrono::milliseconds kNamePatience(200);
/// More users than use one machine's daemon; then those that are known are forgotten.
constexpr std::size_t kMostNames = 1024;

std::string find_name(uid_t uid) {
    std::array<char, 16384> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
    return found->pw_name;
}

}  // namespace

/// Outlives the one who asks for as long as a look-up is under way.
struct UserNames::Shared {
    Find find;
    std::mutex mutex;
    std::condition_variable found;
    std::map<uid_t, std::string> names;
    bool looking = false;  // one look-up at a time: a name service that hangs costs one thread
};

UserNames::UserNames() : UserNames(&find_name, kNamePatience) {}

UserNames::UserNames(Find find, std::chrono::milliseconds patience)
    : shared_(std::make_shared<Shared>()), patience_(patience) {
    shared_->find = std::move(find);
}

std::string UserNames::of(uid_t uid) {
    std::unique_lock lock(shared_->mutex);
    const auto known = [&]() -> std::optional<std::string> {
        const auto at = shared_->names.find(uid);
        return at == shared_->names.end() ? std::nullopt : std::optional(at->second);
    };
    if (const auto name = known()) return *name;
    if (std::exchange(shared_->looking, true)) return {};
    std::thread([shared = shared_, uid] {
        std::string name = shared->find(uid);
        const std::lock_guard done(shared->mutex);
        if (shared->names.size() >= kMostNames) shared->names.clear();
        if (!name.empty()) shared->names.emplace(uid, std::move(name));
        shared->looking = false;
        shared->found.notify_all();
    }).detach();
    shared_->found.wait_for(lock, patience_, [this] { return !shared_->looking; });
    return known().value_or(std::string());
}

}  // namespace finwait::control
