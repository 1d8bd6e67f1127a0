#include "ctl/names.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <netdb.h>
#include <netinet/in.h>
#include <thread>
#include <utility>

namespace finwait::ctl {

/// What the asking threads share. They cannot be stopped, for the resolver cannot: each owns a part of it,
/// and one that is still waiting when the patience is over ends unheard.
struct Names::Inquiry {
    std::mutex mutex;
    std::condition_variable answered;
    std::vector<std::string> to_ask;
    std::size_t open = 0;  // asked for, or to be asked for
    std::map<std::string, std::string> answers;

    static void work(const std::shared_ptr<Inquiry>& inquiry, const AskName& ask) {
        std::unique_lock lock(inquiry->mutex);
        while (!inquiry->to_ask.empty()) {
            const std::string address = std::move(inquiry->to_ask.back());
            inquiry->to_ask.pop_back();
            lock.unlock();
            std::string name = ask(address);
            lock.lock();
            inquiry->answers[address] = std::move(name);
            --inquiry->open;
            inquiry->answered.notify_one();
        }
    }
};

std::string name_by_system(const std::string& address) {
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    v4.sin_family = AF_INET;
    v6.sin6_family = AF_INET6;
    const bool is_v4 = ::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1;
    if (!is_v4 && ::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) != 1) return {};
    const auto* const any =
        is_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
    const socklen_t length = is_v4 ? sizeof v4 : sizeof v6;
    std::array<char, NI_MAXHOST> name{};
    if (::getnameinfo(any, length, name.data(), name.size(), nullptr, 0, NI_NAMEREQD) != 0) return {};
    return name.data();
}

Names::Names(AskName ask, Limits limits) : ask_(std::move(ask)), limits_(limits) {}

/// Those to be asked for, as many as may be; what is left out counts as answered.
std::vector<std::string> Names::unknown(const std::vector<std::string>& addresses) {
    std::vector<std::string> found;
    for (const std::string& address : addresses) {
        if (!names_.try_emplace(address, address).second) continue;
        if (asked_ < limits_.addresses && limits_.patience.count() > 0) {
            found.push_back(address);
            ++asked_;
        } else {
            ++left_out_;
        }
    }
    return found;
}

void Names::find(const std::vector<std::string>& addresses) {
    const auto inquiry = std::make_shared<Inquiry>();
    inquiry->to_ask = unknown(addresses);
    inquiry->open = inquiry->to_ask.size();
    if (inquiry->open == 0) return;
    const auto begun = std::chrono::steady_clock::now();
    const std::size_t threads = std::min(limits_.at_once, inquiry->open);
    for (std::size_t i = 0; i < threads; ++i)
        std::thread([inquiry, ask = ask_] { Inquiry::work(inquiry, ask); }).detach();

    std::unique_lock lock(inquiry->mutex);
    inquiry->answered.wait_until(lock, begun + limits_.patience, [&] { return inquiry->open == 0; });
    inquiry->to_ask.clear();
    left_out_ += inquiry->open;
    for (auto& [address, name] : inquiry->answers) {
        if (name.ends_with('.')) name.pop_back();
        if (is_host_name(name)) names_[address] = std::move(name);
    }
    const auto taken = std::chrono::steady_clock::now() - begun;
    limits_.patience -= std::min(limits_.patience, std::chrono::ceil<std::chrono::milliseconds>(taken));
}

const std::string& Names::of(const std::string& address) const {
    const auto found = names_.find(address);
    return found == names_.end() ? address : found->second;
}

const std::string& Names::service(std::uint16_t port) {
    const auto [entry, fresh] = services_.try_emplace(port);
    if (fresh) {
        servent service{};
        servent* found = nullptr;
        std::array<char, 1024> buffer{};
        const int failed =
            ::getservbyport_r(htons(port), "tcp", &service, buffer.data(), buffer.size(), &found);
        if (failed == 0 && found != nullptr && is_host_name(found->s_name)) entry->second = found->s_name;
    }
    return entry->second;
}

bool is_host_name(std::string_view text) {
    constexpr std::size_t longest = 253;
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
               c == '-' || c == '_';
    };
    return !text.empty() && text.size() <= longest && std::all_of(text.begin(), text.end(), allowed);
}

}  // namespace finwait::ctl
