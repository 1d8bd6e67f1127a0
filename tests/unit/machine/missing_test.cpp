#include "machine/missing.hpp"

#include <gmock/gmock.h>

namespace finwait::machine {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

Inventory two_cpus_and_every_group() {
    return {{0, 1}, [](const std::string&) { return true; }};
}

TEST(Missing, CpusThatThisMachineHasNotAreNamedWithWhereTheirThreadsRun) {
    config::Settings settings;
    EXPECT_THAT(missing(settings, two_cpus_and_every_group()), IsEmpty());
    settings.intercept.cpus = "1,0";
    EXPECT_THAT(missing(settings, two_cpus_and_every_group()), IsEmpty());
    settings.intercept.cpus = "0-7,9";
    const auto found = missing(settings, two_cpus_and_every_group());
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].grade, Grade::warning);
    EXPECT_EQ(found[0].what,
              "intercept.cpus: this machine has CPUs 0-1, not 2-7,9: the threads meant for those run on any "
              "CPU, and queues = 0 makes a queue for each of them.");
    settings.intercept.queues = 9;
    EXPECT_THAT(missing(settings, two_cpus_and_every_group())[0].what, HasSubstr("run on any CPU."));
}

TEST(Missing, WhichCpusThereAreMayNotBeKnown) {
    config::Settings settings;
    settings.intercept.cpus = "0-7";
    EXPECT_THAT(missing(settings, {{}, [](const std::string&) { return true; }}), IsEmpty());
}

TEST(Missing, GroupsAreNamedWithWhatTheyAreMissedFor) {
    const auto found = missing({}, {{0, 1}, [](const std::string& name) { return name == "finwaitd"; }});
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].what,
              "control.admin_group: this machine has no group \"finwaitd-admin\": only root may kill, reload "
              "and resume.");
    EXPECT_THAT(found[0].advice, HasSubstr("groupadd --system finwaitd-admin"));
    EXPECT_EQ(missing({}, {{}, [](const std::string&) { return false; }}).size(), 2U);
}

TEST(Missing, ThisMachineHasRootsGroupAndACpu) {
    const Inventory here = inventory();
    EXPECT_TRUE(here.has_group("root"));
    EXPECT_FALSE(here.has_group("no-such-group"));
    EXPECT_FALSE(here.cpus.empty());
}

}  // namespace
}  // namespace finwait::machine
