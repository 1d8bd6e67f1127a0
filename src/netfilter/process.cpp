#include "netfilter/process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace finwait::netfilter {
namespace {

constexpr std::size_t kMaxOutput = 16U << 20U;
constexpr std::size_t kMaxErrors = 4096;

class Descriptor {
  public:
    explicit Descriptor(int fd = -1) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() { close(); }

    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] bool valid() const { return fd_ >= 0; }
    void reset(int fd) {
        close();
        fd_ = fd;
    }
    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }

  private:
    int fd_;
};

struct Pipe {
    Descriptor reader;
    Descriptor writer;

    bool open() {
        std::array<int, 2> fds{};
        if (pipe2(fds.data(), O_CLOEXEC | O_NONBLOCK) != 0) return false;
        reader.reset(fds[0]);
        writer.reset(fds[1]);
        // The tool's end blocks as a tool expects.
        return fcntl(fds[1], F_SETFL, 0) == 0;
    }
};

std::string failure(const char* what) {
    return std::string(what) + ": " + std::strerror(errno);
}

/// The whole input as a file in memory: unlike a pipe it can neither fill up nor raise SIGPIPE.
bool provide(Descriptor& file, std::string_view input) {
    file.reset(memfd_create("finwaitd-input", MFD_CLOEXEC));
    if (!file.valid()) return false;
    while (!input.empty()) {
        const ssize_t n = ::write(file.get(), input.data(), input.size());
        if (n <= 0) return false;
        input.remove_prefix(static_cast<std::size_t>(n));
    }
    return lseek(file.get(), 0, SEEK_SET) == 0;
}

/// Appends what can be read without waiting, keeps the first `most` bytes, and reads the rest away; then it
/// is `cut`.
void drain(Descriptor& from, std::string& to, std::size_t most, bool& cut) {
    std::array<char, 4096> buffer;
    while (from.valid()) {
        const ssize_t n = ::read(from.get(), buffer.data(), buffer.size());
        if (n > 0) {
            const std::size_t room = most - to.size();
            to.append(buffer.data(), std::min(static_cast<std::size_t>(n), room));
            cut = cut || static_cast<std::size_t>(n) > room;
        } else if (n == 0) {
            from.close();
        } else if (errno != EINTR) {
            return;
        }
    }
}

class SpawnSetup {
  public:
    SpawnSetup() {
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
        // A daemon blocks or ignores signals that a tool must still heed.
        sigset_t none;
        sigset_t all;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        // A group of its own: what the tool starts is ended with it, and a terminal's Ctrl-C is not its.
        posix_spawnattr_setpgroup(&attributes, 0);
        posix_spawnattr_setflags(&attributes,
                                 POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    }
    SpawnSetup(const SpawnSetup&) = delete;
    SpawnSetup& operator=(const SpawnSetup&) = delete;
    ~SpawnSetup() {
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
    }

    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
};

/// Starts the tool; errno's value on failure.
int spawn(const std::vector<std::string>& command, int input, int output, int errors, pid_t& pid) {
    SpawnSetup setup;
    posix_spawn_file_actions_adddup2(&setup.actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&setup.actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&setup.actions, errors, STDERR_FILENO);

    std::vector<char*> argv;
    argv.reserve(command.size() + 1);
    for (const std::string& word : command)
        argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    // Messages are matched and shown to the operator: one language.
    std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    std::string locale = "LC_ALL=C";
    std::array<char*, 3> environment = {path.data(), locale.data(), nullptr};
    return posix_spawn(&pid, argv[0], &setup.actions, &setup.attributes, argv.data(), environment.data());
}

/// How soon a request to stop is noticed.
constexpr std::chrono::milliseconds kGlance(100);
/// After SIGKILL. A tool that the kernel holds on to (state D) does not end; it is left behind.
constexpr std::chrono::milliseconds kDying(1000);

/// Reads until the tool ends; false when its time ran out first. A grandchild that keeps the pipes open does
/// not count.
bool follow(int process, Descriptor& output, Descriptor& errors, const ToolTime& own, const ToolTime& time,
            ToolResult& result) {
    for (;;) {
        const auto left = std::min({own.left(), time.left(), kGlance});
        if (left.count() == 0) return false;
        std::array<pollfd, 3> wait = {
            {{process, POLLIN, 0}, {output.get(), POLLIN, 0}, {errors.get(), POLLIN, 0}}};
        if (poll(wait.data(), wait.size(), static_cast<int>(left.count())) < 0 && errno != EINTR)
            return false;
        bool ignored = false;
        drain(output, result.output, kMaxOutput, result.cut);
        drain(errors, result.errors, kMaxErrors, ignored);
        if ((wait[0].revents & POLLIN) != 0) return true;
    }
}

/// Ends the tool and what it has started.
void end(pid_t pid, int process) {
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
    pollfd gone{process, POLLIN, 0};
    if (process >= 0) (void)poll(&gone, 1, static_cast<int>(kDying.count()));
}

void note_end(pid_t pid, bool ended, std::string_view unless, ToolResult& result) {
    int status = 0;
    pid_t reaped = 0;
    while ((reaped = waitpid(pid, &status, WNOHANG)) < 0 && errno == EINTR) {
    }
    if (!ended || reaped != pid) {
        result.errors = unless;
    } else if (WIFEXITED(status)) {
        result.status = WEXITSTATUS(status);
    } else {
        result.errors += "killed by signal " + std::to_string(WTERMSIG(status));
    }
}

}  // namespace

bool ToolResult::refused() const {
    if (!status || ok()) return false;
    return errors.find("not permitted") != errors.npos || errors.find("Permission denied") != errors.npos;
}

std::optional<std::string> no_answer(std::string_view tool, const ToolResult& result) {
    if (!result.status) return std::string(tool) + ": " + result.errors;
    if (result.refused()) return std::string(tool) + " needs root";
    return std::nullopt;
}

/// 3 is VERSION_PROBLEM (xtables.h), by which iptables-legacy ends where a table cannot be had. nfnetlink
/// answers EINVAL where there is no nf_tables (nfnetlink_rcv_msg, net/netfilter/nfnetlink.c).
bool ToolResult::unsupported() const {
    if (!status || ok() || refused()) return false;
    const auto says = [this](const char* words) { return errors.find(words) != errors.npos; };
    return status == 3 || says("does not exist") || says("not supported") || says("Invalid argument");
}

std::optional<std::string> not_listed(std::string_view tool, const ToolResult& result) {
    if (auto silent = no_answer(tool, result)) return silent;
    if (result.ok() || result.unsupported()) return std::nullopt;
    const std::string line = result.errors.substr(0, result.errors.find('\n'));
    return std::string(tool) + ": " +
           (line.empty() ? "failed with status " + std::to_string(*result.status) : line);
}

std::optional<std::string> find_tool(std::string_view name) {
    for (const char* directory :
         {"/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/", "/usr/local/sbin/", "/usr/local/bin/"}) {
        std::string path = directory;
        path += name;
        if (access(path.c_str(), X_OK) == 0) return path;
    }
    return std::nullopt;
}

ToolResult run_tool(const std::vector<std::string>& command, std::string_view input, const ToolTime& time,
                    std::chrono::milliseconds limit) {
    ToolResult result;
    const std::chrono::milliseconds most = std::min(limit, time.left());
    const ToolTime own(most);
    if (most.count() == 0) {
        result.errors = time.interrupted() ? "not started: finwaitd is asked to stop"
                                           : "not started: there is no time left for it";
        return result;
    }
    Descriptor file;
    Pipe output;
    Pipe errors;
    if (!provide(file, input) || !output.open() || !errors.open()) {
        result.errors = failure("cannot prepare its input and output");
        return result;
    }
    pid_t pid = -1;
    if (const int e = spawn(command, file.get(), output.writer.get(), errors.writer.get(), pid); e != 0) {
        errno = e;
        result.errors = failure("cannot start it");
        return result;
    }
    output.writer.close();
    errors.writer.close();

    // glibc 2.36 declares pidfd_open() without extern "C" (sourceware bug 29583).
    const Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    const bool ended =
        process.valid() && follow(process.get(), output.reader, errors.reader, own, time, result);
    if (!ended) end(pid, process.get());
    note_end(pid, ended,
             time.interrupted() ? "ended, because finwaitd is asked to stop"
                                : "did not end within " + std::to_string(most.count()) + " ms",
             result);
    return result;
}

ToolResult run_tool(const std::vector<std::string>& command, std::string_view input,
                    std::chrono::milliseconds limit) {
    return run_tool(command, input, ToolTime(limit), limit);
}

}  // namespace finwait::netfilter
