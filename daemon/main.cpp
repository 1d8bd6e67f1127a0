// finwaitd: options, configuration, and the daemon's run.

#include "capabilities.hpp"
#include "config/load.hpp"
#include "daemon.hpp"
#include "netfilter/queue_guard.hpp"
#include "netfilter/rules.hpp"
#include "observe/logger.hpp"
#include "stop_requests.hpp"

#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <variant>

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>

namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kBadConfig = 2;

constexpr char kDefaultConfig[] = "/etc/finwaitd/finwaitd.toml";

bool allowed_to_work() {
    const std::vector<std::string> missing = finwait::daemon::missing_capabilities();
    if (missing.empty()) return true;
    std::string names;
    for (const std::string& name : missing)
        names += (names.empty() ? "" : " and ") + name;
    std::fprintf(stderr,
                 "finwaitd: not permitted: this process lacks %s. CAP_NET_ADMIN is needed for the queues and "
                 "the rules, "
                 "CAP_NET_RAW for sending resets: start finwaitd as root or by its systemd unit.\n",
                 names.c_str());
    return false;
}

struct Arguments {
    int count;
    char** words;
};

/// The guard is started before there is any thread, and before memory is taken.
int run(const finwait::config::Checked& loaded, const std::filesystem::path& file, Arguments arguments) {
    using finwait::netfilter::QueueGuard;
    if (!allowed_to_work()) return kFailed;
    const auto& settings = std::get<finwait::config::Settings>(loaded.result);
    auto started = QueueGuard::start(arguments.count, arguments.words);
    const auto logger = finwait::observe::make_logger(settings.log.level);
    for (const finwait::config::Error& warning : loaded.warnings)
        logger->warn("{}", warning.text());
    std::unique_ptr<QueueGuard> guard;
    if (const auto* problem = std::get_if<std::string>(&started))
        logger->warn("{}", *problem);
    else
        guard = std::move(std::get<std::unique_ptr<QueueGuard>>(started));
    int status = kFailed;
    {
        finwait::daemon::Daemon daemon(settings, file, logger, std::move(guard));
        status = daemon.run();
    }
    spdlog::shutdown();
    return status;
}

int start(int argc, char** argv) {
    CLI::App app{"Ends TCP connections orphaned in FIN_WAIT_2 on a gateway"};
    std::string file = kDefaultConfig;
    bool check = false;
    bool print = false;
    bool version = false;
    app.add_option("--config", file, "Configuration file, default /etc/finwaitd/finwaitd.toml")
        ->type_name("FILE");
    app.add_flag("--check", check, "Check the configuration, say what is wrong with it, and end");
    app.add_flag("--print-config", print, "Print every key with the value in force, and end");
    app.add_flag("--version", version, "Print the version, and end");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kDone : kBadConfig;
    }
    if (version) {
        std::printf("finwaitd %s\n", FINWAITD_VERSION);
        return kDone;
    }
    finwait::daemon::keep_group(finwait::netfilter::kSenderGroup);
    const finwait::config::Checked loaded = finwait::config::check(file);
    if (const auto* errors = std::get_if<std::vector<finwait::config::Error>>(&loaded.result)) {
        for (const finwait::config::Error& error : *errors)
            std::fprintf(stderr, "%s\n", error.illustrated().c_str());
        return kBadConfig;
    }
    if (!print && !check) return run(loaded, file, {argc, argv});
    for (const finwait::config::Error& warning : loaded.warnings)
        std::fprintf(stderr, "warning: %s\n", warning.text().c_str());
    if (print) {
        std::printf("%s", finwait::config::print(std::get<finwait::config::Settings>(loaded.result)).c_str());
        return kDone;
    }
    for (const std::string& read : loaded.files)
        std::printf("%s: the configuration is right\n", read.c_str());
    return kDone;
}

}  // namespace

int main(int argc, char** argv) {
    finwait::daemon::ignore_unused_signals();
    try {
        return start(argc, argv);
    } catch (const std::bad_alloc&) {
        std::fprintf(stderr,
                     "finwaitd: there is not enough memory to start with: set a lower limits.flows, or allow "
                     "more (ulimit -v, LimitAS= and MemoryMax= of the unit)\n");
        return kFailed;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "finwaitd: %s\n", error.what());
        return kFailed;
    }
}
