#include "ctl/top/top.hpp"

#include "ctl/answers.hpp"
#include "ctl/top/screen.hpp"
#include "ctl/top/source.hpp"
#include "ctl/which_flows.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace finwait::ctl {
namespace {

using top::Effect;
using top::Model;
using top::Screen;
using top::Source;

constexpr int kRedrawMs = 500;  // the age of what is shown goes on

/// Signals that end the program, kept until the terminal is as it was.
class Endings {
  public:
    Endings() {
        ::sigemptyset(&set_);
        for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT})
            ::sigaddset(&set_, number);
        ::pthread_sigmask(SIG_BLOCK, &set_, &before_);
        descriptor_ = ::signalfd(-1, &set_, SFD_CLOEXEC | SFD_NONBLOCK);
    }
    Endings(const Endings&) = delete;
    Endings& operator=(const Endings&) = delete;
    ~Endings() {
        ::close(descriptor_);
        // Whoever sent it sees that it has worked. Ctrl-C is a way to quit.
        if (caught_ != 0 && caught_ != SIGINT) {
            std::signal(caught_, SIG_DFL);
            ::raise(caught_);
        }
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }

    [[nodiscard]] int descriptor() const { return descriptor_; }
    [[nodiscard]] bool caught() {
        signalfd_siginfo info{};
        if (::read(descriptor_, &info, sizeof info) == sizeof info)
            caught_ = static_cast<int>(info.ssi_signo);
        return caught_ != 0;
    }

  private:
    sigset_t set_{};
    sigset_t before_{};
    int descriptor_ = -1;
    int caught_ = 0;
};

/// False when it is over.
bool take_keys(Model& model, Screen& screen, Source& source) {
    while (const auto key = screen.key()) {
        const Effect effect = model.press(*key);
        if (effect == Effect::quit) return false;
        if (effect == Effect::redraw) screen.redraw();
        if (effect == Effect::end_flow && model.flow()) source.end(model.flow()->flow);
    }
    return true;
}

void run(Model& model, Screen& screen, Source& source, Endings& endings) {
    for (;;) {
        model.resize(screen.size());
        source.want(model.question(), model.opened());
        screen.show(top::picture_of(model, top::Clock::now()));
        std::array polls = {pollfd{STDIN_FILENO, POLLIN, 0}, pollfd{source.descriptor(), POLLIN, 0},
                            pollfd{endings.descriptor(), POLLIN, 0}};
        const int ready = ::poll(polls.data(), polls.size(), kRedrawMs);
        if (ready < 0 && errno != EINTR) return;
        if (endings.caught() || (polls[0].revents & (POLLHUP | POLLERR)) != 0) return;
        if (!take_keys(model, screen, source)) return;
        for (top::News& news : source.take())
            model.take(std::move(news));
    }
}

/// Whether there is a daemon that may be asked, and that knows what the filter names; otherwise what is wrong
/// has been said.
ExitCode try_filter(const Invocation& call, Output& err) {
    control::Request request;
    request.command = control::Command::count;
    request.filter = call.operand;
    return exchange(
               call.socket, request, [](std::string_view) { return true; }, err)
        .code;
}

}  // namespace

ExitCode run_top(const Invocation& call, Terminal& terminal) {
    if (begins_with_id(call.operand)) {
        terminal.err.write(
            "finwaitctl: top takes a filter and no ids; finwaitctl show, explain and events take them\n");
        return ExitCode::bad_input;
    }
    if (!check_filter(call.operand, terminal.err)) return ExitCode::bad_input;
    if (!terminal.width || ::isatty(STDIN_FILENO) == 0) {
        terminal.err.write(
            "finwaitctl: top needs a terminal; use list, stats or events for a file or a program\n");
        return ExitCode::bad_input;
    }
    const ExitCode answered = try_filter(call, terminal.err);
    if (answered != ExitCode::done) return answered;
    Endings endings;
    auto opened = Screen::open();
    if (const auto* problem = std::get_if<std::string>(&opened)) {
        terminal.err.write("finwaitctl: " + *problem + "\n");
        return ExitCode::bad_input;  // as without a terminal
    }
    auto& screen = std::get<std::unique_ptr<Screen>>(opened);
    Model model(call.operand);
    Source source(call.socket);
    run(model, *screen, source, endings);
    screen.reset();  // before anything is waited for
    return ExitCode::done;
}

}  // namespace finwait::ctl
