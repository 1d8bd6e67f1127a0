#include "ctl/top/source.hpp"

#include "ctl/answers.hpp"
#include "ctl/explain_text.hpp"
#include "ctl/show_text.hpp"
#include "ctl/text.hpp"
#include "ctl/victims.hpp"

#include <algorithm>
#include <csignal>
#include <pthread.h>
#include <sstream>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

namespace finwait::ctl::top {
namespace {

using nlohmann::json;

constexpr auto kInterval = std::chrono::seconds(1);
constexpr int kPauses = 9;  // for each time that an answer took; one where something new is wanted
constexpr auto kLookInterval = std::chrono::milliseconds(200);
constexpr auto kPatience = std::chrono::seconds(15);  // as `kill` has it

/// What finwaitctl would have said on its standard error, as one line.
std::string on_one_line(std::string text) {
    constexpr std::string_view name = "finwaitctl: ";
    if (text.starts_with(name)) text.erase(0, name.size());
    text.erase(text.find_last_not_of('\n') + 1);
    std::ranges::replace(text, '\n', ' ');
    return text;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::istringstream in(text);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    return lines;
}

std::vector<std::string> describe(const json& explanation, const json& flow) {
    std::string text;
    Output out(text);
    print_explanation(explanation, out);
    if (const json history = flow.value("history", json::array()); !history.empty()) {
        out.write("\nHistory\n");
        print_history(history, out);
    }
    out.flush();
    return lines_of(text);
}

}  // namespace

/// One flow's end, followed until it is known.
class Source::Ending {
  public:
    Ending(const std::string& socket, const json& flow) : victims_(socket, err_) { victims_.add(flow); }
    Ending(const Ending&) = delete;
    Ending& operator=(const Ending&) = delete;

    [[nodiscard]] News ask() { return after(victims_.end()); }
    [[nodiscard]] News look() { return after(victims_.look()); }
    [[nodiscard]] bool over() const { return over_; }

  private:
    News after(ExitCode code) {
        err_.flush();
        const Victim& victim = victims_.all().front();
        over_ = code != ExitCode::done || victim.fate != Fate::pending || Clock::now() > until_;
        if (code != ExitCode::done)
            return EndNews{victim.id, Fate::left, "Not ended: " + on_one_line(std::exchange(said_, {}))};
        if (victim.fate == Fate::left)
            return EndNews{victim.id, victim.fate, "It cannot be ended: " + victim.result};
        if (victim.fate == Fate::pending && over_)
            return EndNews{victim.id, Fate::left,
                           "Not over yet: what keeps it from being ended is said above"};
        return EndNews{victim.id, victim.fate, "The reset is " + std::string(meaning(victim.fate))};
    }

    std::string said_;
    Output err_{said_};
    Victims victims_;
    Clock::time_point until_ = Clock::now() + kPatience;
    bool over_ = false;
};

Source::Source(std::string socket)
    : socket_(std::move(socket)), news_ready_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    // Signals are for the thread that has the terminal.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Source::~Source() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
    ::close(news_ready_);
}

void Source::want(const Question& question, const std::optional<std::string>& opened) {
    {
        const std::lock_guard lock(mutex_);
        if (asked_ && wanted_.question == question && wanted_.opened == opened) return;
        asked_ = true;
        wanted_.question = question;
        wanted_.opened = opened;
        changed_ = true;
    }
    wake_.notify_one();
}

void Source::end(const json& flow) {
    {
        const std::lock_guard lock(mutex_);
        wanted_.to_end = flow;
        changed_ = true;
    }
    wake_.notify_one();
}

std::vector<News> Source::take() {
    std::uint64_t ignored = 0;
    [[maybe_unused]] const ssize_t got = ::read(news_ready_, &ignored, sizeof ignored);
    const std::lock_guard lock(mutex_);
    return std::exchange(news_, {});
}

void Source::tell(News news) {
    {
        const std::lock_guard lock(mutex_);
        news_.push_back(std::move(news));
    }
    constexpr std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t put = ::write(news_ready_, &one, sizeof one);
}

void Source::run() {
    std::optional<Ending> ending;
    Clock::time_point due = Clock::now() + std::chrono::hours(1);
    Clock::time_point soonest = Clock::now();
    for (;;) {
        Wanted wanted;
        {
            std::unique_lock lock(mutex_);
            const auto until = ending ? std::min(due, Clock::now() + kLookInterval) : due;
            wake_.wait_until(lock, until, [this] { return stop_ || changed_; });
            if (stop_) return;
            if (std::exchange(changed_, false) && asked_)
                due = std::min(due, std::max(Clock::now(), soonest));
            wanted = wanted_;
            wanted_.to_end.reset();
        }
        if (wanted.to_end) {
            ending.emplace(socket_, *wanted.to_end);
            tell(ending->ask());
        } else if (ending) {
            tell(ending->look());
        }
        if (ending && ending->over()) ending.reset();
        if (Clock::now() < due) continue;
        const auto begun = Clock::now();
        if (wanted.opened) tell(ask_for(*wanted.opened));
        tell(ask_for(wanted.question));
        const auto took = Clock::now() - begun;
        soonest = Clock::now() + took;
        due = Clock::now() + std::max<Clock::duration>(kInterval, took * kPauses);
    }
}

News Source::ask_for(const Question& question) const {
    std::string said;
    Output err(said);
    Snapshot snapshot;
    snapshot.question = question;
    const auto ask = [&](const control::Request& request, const TakeData& take) {
        return exchange(socket_, request, take, err);
    };
    control::Request request;
    request.command = control::Command::stats;
    Answer answer = ask(request, [&snapshot](std::string_view text) {
        snapshot.stats = parse_object(text);
        return true;
    });
    if (answer.code == ExitCode::done) {
        request.command = control::Command::list;
        request.filter = question.filter;
        request.sort = question.sort;
        request.descending = question.descending;
        request.limit = question.limit;
        answer = ask(request, [&snapshot](std::string_view text) {
            snapshot.flows.push_back(parse_object(text));
            return true;
        });
    }
    err.flush();
    if (answer.code != ExitCode::done) return Trouble{on_one_line(said)};
    snapshot.matched = parse_object(answer.done).value("matched", snapshot.flows.size());
    snapshot.at = Clock::now();
    return snapshot;
}

News Source::ask_for(const std::string& id) const {
    std::string said;
    Output err(said);
    FlowText text{id, nullptr, {}};
    control::Request request;
    request.command = control::Command::explain;
    request.id = id;
    const Answer answer = exchange(
        socket_, request,
        [&text](std::string_view json_text) {
            const json explanation = parse_object(json_text);
            text.flow = part(explanation, "flow");
            text.lines = describe(explanation, text.flow);
            return true;
        },
        err);
    err.flush();
    const bool gone = answer.error == control::ErrorCode::not_found;
    if (answer.code != ExitCode::done && !gone) return Trouble{on_one_line(said)};
    return text;
}

}  // namespace finwait::ctl::top
