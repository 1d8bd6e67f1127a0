#include "config/reload.hpp"

#include "config/keys.hpp"

namespace finwait::config {
namespace {

template<class Table>
void take_over(std::span<const Key<Table>> keys, const std::string& path, const Table& fresh, Table& in_force,
               std::vector<std::string>& left) {
    for (const Key<Table>& key : keys) {
        if (key.on_reload == OnReload::in_force) {
            key.copy(fresh, in_force);
        } else if (key.print(fresh) != key.print(in_force)) {
            left.push_back(path + std::string(key.name));
        }
    }
}

}  // namespace

std::vector<std::string> take_over(const Settings& fresh, Settings& in_force) {
    std::vector<std::string> left;
    take_over(root_keys(), "", fresh, in_force, left);
    for_each_table([&](std::string_view name, auto keys, auto member) {
        take_over(keys, std::string(name) + '.', fresh.*member, in_force.*member, left);
    });
    in_force.policies = fresh.policies;
    return left;
}

}  // namespace finwait::config
