// What a reload takes over of each key, and what finwaitd.toml(5) says of it.
#include "config/reload.hpp"

#include "config/config_support.hpp"
#include "config/keys.hpp"

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>

#include <gmock/gmock.h>

namespace finwait::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using Visit = std::function<void(const std::string& table, std::string_view key, OnReload on_reload)>;

void for_each_key(const Visit& visit) {
    for (const auto& key : root_keys())
        visit("", key.name, key.on_reload);
    for_each_table([&](std::string_view table, auto keys, auto) {
        for (const auto& key : keys)
            visit(std::string(table), key.name, key.on_reload);
    });
}

TEST(Reload, TakesOverWhatNeedsNoRestartAndNamesWhatDoes) {
    const Settings fresh = settings(kEverything);
    Settings in_force;
    EXPECT_THAT(take_over(fresh, in_force),
                ElementsAre("intercept.scope", "intercept.packets", "intercept.backend",
                            "intercept.first_queue", "intercept.queues", "intercept.cpus", "intercept.spread",
                            "intercept.queue_length", "intercept.mark_mask", "intercept.loopback",
                            "limits.flows", "control.socket", "control.group", "control.admin_group"));
    Settings expected = fresh;
    expected.control = {};
    expected.limits.flows = Limits{}.flows;
    expected.intercept = {};
    expected.intercept.spare = fresh.intercept.spare;
    expected.intercept.watch_rules = fresh.intercept.watch_rules;
    EXPECT_EQ(in_force, expected);
    EXPECT_THAT(take_over(expected, in_force), IsEmpty());
}

TEST(Reload, IsTestedWithAnotherValueForEveryKey) {
    const Settings fresh = settings(kEverything);
    const auto check = [](auto keys, const auto& other) {
        for (const auto& key : keys)
            EXPECT_NE(key.print(other), key.print({})) << key.name;
    };
    check(root_keys(), fresh);
    for_each_table([&](std::string_view, auto keys, auto member) { check(keys, fresh.*member); });
}

TEST(Reload, TakesThePoliciesThatThereAreNow) {
    Settings in_force = settings(kEverything);
    ASSERT_FALSE(in_force.policies.empty());
    EXPECT_EQ(take_over(Settings{}, in_force).size(), 14U);
    EXPECT_TRUE(in_force.policies.empty());
}

/// What finwaitd.toml(5) says: of a table by "table", of a key by "table.key".
std::map<std::string, std::string> manual() {
    std::ifstream page(std::filesystem::path(__FILE__).parent_path() / "../../../docs/man/finwaitd.toml.5");
    std::map<std::string, std::string> said;
    std::string table;
    std::string place;
    for (std::string line; std::getline(page, line);) {
        if (line.starts_with(".Ss [") || line.starts_with(".Sh ")) {
            const auto name = line.find('[');
            table = name == line.npos ? "" : line.substr(name + 1, line.find(']') - name - 1);
            place = table;
        } else if (line.starts_with(".It Ic ")) {
            place = table + '.' + line.substr(7, line.find(' ', 7) - 7);
        }
        said[place] += line + '\n';
    }
    return said;
}

TEST(Reload, IsInTheManualAsInTheTable) {
    const auto said = manual();
    const auto says = [&](const std::string& place, std::string_view text) {
        const auto found = said.find(place);
        return found != said.end() && found->second.find(text) != std::string::npos;
    };
    for_each_key([&](const std::string& table, std::string_view name, OnReload on_reload) {
        const std::string key = table + '.' + std::string(name);
        ASSERT_TRUE(said.contains(key)) << key;
        const bool restart = says(key, "change takes a restart") ||
                             (says(table, "Changes here take a restart") && !says(key, "reload is enough"));
        EXPECT_EQ(restart, on_reload == OnReload::needs_restart) << key;
    });
}

}  // namespace
}  // namespace finwait::config
