#include "ctl/kill.hpp"

#include "ctl/answers.hpp"
#include "ctl/json_array.hpp"
#include "ctl/table.hpp"
#include "ctl/text.hpp"
#include "ctl/victims.hpp"
#include "engine/engine.hpp"

#include <algorithm>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace finwait::ctl {
namespace {

std::string endpoint(const std::string& address, int port) {
    return endpoint_text({{"addr", address}, {"port", port}});
}

std::string connections(std::size_t count) {
    return fmt::format("{} connection{}", count, count == 1 ? "" : "s");
}

/// What will be done with it.
std::string plan_for(const Victim& victim) {
    if (victim.fate == Fate::chosen) return "end it";
    if (victim.fate == Fate::closed) return "nothing: already closed";
    if (victim.fate == Fate::left) return "cannot be ended: " + victim.result;
    return "nothing: finwaitd has ended it already";
}

/// What is left out because there is nothing left to end; empty when nothing is.
std::string but_for_ended(const Victims& victims) {
    const std::size_t ended = victims.ended_before();
    return ended == 0 ? std::string() : fmt::format(" ({} that finwaitd has just ended left out)", ended);
}

void show_plan(const Victims& victims, std::optional<std::size_t> width, Output& out) {
    Table table({{"ID"},
                 {"CLIENT", 0, false, kNarrowestEndpoint},
                 {"SERVER", 0, false, kNarrowestEndpoint},
                 {"STATES", 3},
                 {"CLOSER", 4},
                 {"IDLE", 2, true},
                 {"POLICY", 5},
                 {"PLAN"}},
                width, out);
    for (const Victim& v : victims.all())
        table.add({v.id, endpoint(v.client_address, v.client_port), endpoint(v.server_address, v.server_port),
                   v.states, v.closer, v.idle, v.policy, plan_for(v)});
    table.finish();
    out.write(fmt::format("{} match{}, {} to be ended", connections(victims.all().size()),
                          victims.all().size() == 1 ? "es" : "", victims.count(Fate::chosen)));
    if (const std::size_t left = victims.count(Fate::left); left > 0)
        out.write(fmt::format(", {} cannot be", left));
    out.write(but_for_ended(victims) + ".\n");
}

/// Why it is left, and where there is more to read.
std::string reason_left(const Victim& v) {
    if (v.result != name(engine::KillResult::not_exact)) return v.result;
    const std::string more = "; see finwaitctl explain " + v.id;
    if (!v.fast_path) return v.result + more;
    return (v.states == "established/established" ? "established, on" : "on") +
           std::string(" the kernel's fast path: its numbers are not known before a FIN or RST passes") +
           more;
}

std::string fate_text(const Victim& v, const Invocation& call, ExitCode asked) {
    if (v.fate == Fate::left) return "left: " + reason_left(v);
    if (v.fate == Fate::chosen && asked == ExitCode::not_permitted) return "not done: not permitted";
    if (v.fate != Fate::pending || !call.wait) return std::string(meaning(v.fate));
    if (asked != ExitCode::done) return "pending: asked for; whether it is over could not be seen";
    const double seconds = std::chrono::duration<double>(call.patience).count();
    return "pending: not over after " + human_duration(seconds) + "; finwaitctl explain " + v.id +
           " tells why";
}

void print_fates(const Victims& victims, const Invocation& call, Terminal& terminal, ExitCode asked) {
    Table table({{"ID"},
                 {"CLIENT", 0, false, kNarrowestEndpoint},
                 {"SERVER", 0, false, kNarrowestEndpoint},
                 {"OUTCOME"}},
                terminal.width, terminal.out);
    for (const Victim& v : victims.all())
        table.add({v.id, endpoint(v.client_address, v.client_port), endpoint(v.server_address, v.server_port),
                   fate_text(v, call, asked)});
    table.finish();
}

void print_json(const Victims& victims, Output& out, bool pretty) {
    JsonArray array(out, pretty);
    for (const Victim& v : victims.all()) {
        const nlohmann::ordered_json object{{"id", v.id},
                                            {"client", {{"addr", v.client_address}, {"port", v.client_port}}},
                                            {"server", {{"addr", v.server_address}, {"port", v.server_port}}},
                                            {"result", v.result},
                                            {"outcome", name(v.fate)}};
        array.add(object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    }
    array.finish();
}

/// Whether to go on; otherwise why not has been said.
bool consented(const Victims& victims, const Invocation& call, Terminal& terminal, ExitCode& code) {
    if (call.yes) return true;
    const std::string what = connections(victims.count(Fate::chosen));
    if (!terminal.ask) {
        terminal.err.write("finwaitctl: there is no terminal to ask on whether to end " + what +
                           ": nothing was done; say --yes to end them without a question\n");
        code = ExitCode::bad_input;
        return false;
    }
    if (terminal.ask("Really end " + what + "? [y/N] ")) return true;
    terminal.err.write("finwaitctl: nothing was done\n");
    code = ExitCode::failed;
    return false;
}

/// What is left to say: how many live on.
ExitCode verdict(const Victims& victims, const Invocation& call, Output& err) {
    const auto alive =
        static_cast<std::size_t>(std::ranges::count_if(victims.all(), [&call](const Victim& v) {
            return lives(v.fate) && (call.wait || v.fate != Fate::pending);
        }));
    if (alive == 0) return ExitCode::done;
    err.write(fmt::format("finwaitctl: {} of {} not ended\n", alive, connections(victims.all().size())));
    return ExitCode::failed;
}

ExitCode none_matches(const Victims& victims, const Invocation& call, Terminal& terminal) {
    if (call.json) JsonArray(terminal.out).finish();
    terminal.err.write("finwaitctl: no flow matches" + but_for_ended(victims) + "\n");
    return ExitCode::failed;
}

/// `asked`: what came of asking the daemon to end them.
ExitCode finish(const Victims& victims, const Invocation& call, Terminal& terminal, ExitCode asked) {
    if (call.json)
        print_json(victims, terminal.out, call.pretty);
    else
        print_fates(victims, call, terminal, asked);
    return verdict(victims, call, terminal.err);
}

}  // namespace

ExitCode kill_flows(const Invocation& call, Terminal& terminal) {
    Victims victims(call.socket, terminal.err);
    const ExitCode chosen = victims.choose(call.operand);
    const bool some_are_missing = chosen == ExitCode::failed && !victims.all().empty();
    if (chosen != ExitCode::done && !some_are_missing) return chosen;
    if (victims.all().empty()) return none_matches(victims, call, terminal);
    const bool will_ask = !call.yes && terminal.ask && victims.count(Fate::chosen) > 0;
    const ExitCode permitted = will_ask ? victims.ask_permission(call.operand) : ExitCode::done;
    if (permitted != ExitCode::done) return permitted;
    // Programs read the array alone; whoever is asked has to see what it is about.
    if (!call.json)
        show_plan(victims, terminal.width, terminal.out);
    else if (!call.yes)
        show_plan(victims, std::nullopt, terminal.err);
    if (victims.count(Fate::chosen) == 0) {
        const ExitCode seen = finish(victims, call, terminal, ExitCode::done);
        return seen == ExitCode::done ? chosen : seen;
    }
    ExitCode code = chosen;
    if (!consented(victims, call, terminal, code)) return code;
    terminal.out.flush();
    code = victims.end();
    if (code == ExitCode::done && call.wait) code = victims.follow(call.pause, call.patience);
    const ExitCode seen = finish(victims, call, terminal, code);
    if (code != ExitCode::done) return code;
    return seen == ExitCode::done ? chosen : seen;
}

}  // namespace finwait::ctl
