#include "config/keys.hpp"
#include "config/load.hpp"
#include "config/value.hpp"

namespace finwait::config {
namespace {

template<class Table>
void print_keys(std::string& out, std::span<const Key<Table>> keys, const Table& table) {
    for (const auto& key : keys) {
        out += key.name;
        out += " = ";
        out += key.print(table);
        out += '\n';
    }
}

}  // namespace

std::string print(const Settings& settings) {
    std::string out;
    print_keys(out, root_keys(), settings);
    for_each_table([&](std::string_view name, auto keys, auto member) {
        out += "\n[";
        out += name;
        out += "]\n";
        print_keys(out, keys, settings.*member);
    });
    for (const auto& policy : settings.policies) {
        out += "\n[[policy]]\nname = " + toml_string(policy.name) +
               "\nmatch = " + toml_string(policy.match.text()) + '\n';
        if (policy.priority != 0) out += "priority = " + std::to_string(policy.priority) + '\n';
        print_keys(out, timeouts_keys(), policy.timeouts);
    }
    return out;
}

}  // namespace finwait::config
