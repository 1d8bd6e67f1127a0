// The flows that a kill is about, and what became of each: chosen by a filter, asked for by their ids, and
// followed until it is known.
#pragma once

#include "control/protocol.hpp"
#include "ctl/exit_code.hpp"
#include "ctl/output.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace finwait::ctl {

enum class Fate : std::uint8_t {
    chosen,       // nothing has been asked for yet
    left,         // it cannot be ended
    pending,      // asked for; not known yet
    confirmed,    // reset, and gone from both ends
    unconfirmed,  // reset, and nobody said anything to the contrary
    refused,      // a side outlives every RST
    closed,       // it was over by itself
    vanished,     // no longer listed: gone before its end was seen
};

/// The word for scripts.
[[nodiscard]] std::string_view name(Fate fate);
/// What it means, for people.
[[nodiscard]] std::string_view meaning(Fate fate);
/// Whether the flow goes on living, as far as is known.
[[nodiscard]] bool lives(Fate fate);

struct Victim {
    std::string id;
    std::string client_address;
    std::string server_address;
    int client_port = 0;
    int server_port = 0;
    std::string states;
    std::string closer;
    std::string idle;
    std::string policy;
    std::string result;      // what the daemon said of it; before that, why it cannot be ended, or nothing
    bool fast_path = false;  // as long as it is on it, its numbers are not known
    Fate fate = Fate::chosen;

    /// Of a flow as `list` answers it.
    [[nodiscard]] static Victim of(const nlohmann::json& flow);
};

class Victims {
  public:
    Victims(std::string socket, Output& err) : socket_(std::move(socket)), err_(err) {}

    /// Puts this flow on the list, as `list` answers it.
    void add(const nlohmann::json& flow);
    /// Puts on the list what the operand means, a filter or ids. Of what a filter matches those are left out
    /// that finwaitd has ended already: they are listed for some seconds more. Failed when one of the ids is
    /// no flow's, which has been said then.
    [[nodiscard]] ExitCode choose(const std::string& operand);
    /// How many choose() has left out.
    [[nodiscard]] std::size_t ended_before() const { return ended_before_; }
    /// Whether this user may end flows; otherwise why not has been said. `operand` is what choose() was
    /// given.
    [[nodiscard]] ExitCode ask_permission(const std::string& operand);
    /// Asks for the end of those that can be ended, and of no others.
    [[nodiscard]] ExitCode end();
    /// Looks every `pause` what has become of them, until all is known or nothing new for `patience`.
    [[nodiscard]] ExitCode follow(std::chrono::milliseconds pause, std::chrono::milliseconds patience);

    /// Looks once what has become of those that are pending.
    [[nodiscard]] ExitCode look();

    [[nodiscard]] const std::vector<Victim>& all() const { return victims_; }
    [[nodiscard]] std::size_t count(Fate fate) const;

  private:
    using Take = std::function<void(Victim&, const nlohmann::json&)>;

    /// Sends `command` with the ids of those whose fate is `fate`, a bounded number at a time.
    [[nodiscard]] ExitCode ask(control::Command command, Fate fate, const Take& take);
    std::string socket_;
    Output& err_;
    std::vector<Victim> victims_;
    std::size_t ended_before_ = 0;
};

}  // namespace finwait::ctl
