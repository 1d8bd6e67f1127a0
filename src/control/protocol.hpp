// The control protocol: JSON Lines over a Unix stream socket. One request a line, several may follow on a
// connection:
//
//   {"command":"list","filter":"state fin-wait-2"}
//
// with these commands and members; an unknown member is an error: a misspelt "filter" must not mean "all".
//
//   list, count {"filter"}    kill {"filter"}, not blank    show, explain {"id"}    rules {"backend"}
//   list, count, kill, events {"ids":["3f2a-17",…]}: these flows and no others
//   list {"addresses":true}: with the addresses by which the sides know each other
//   list {"sides":true}: with "sides" and "history", as show has them
//   kill {"permission":true}: ends nothing; an error when the one who asks may not kill
//   count {"by"}: a word of kGroupings, or "": how many of each
//   policy {"resume"}, the name of a policy that its breaker has stopped, or ""
//   list {"sort","descending","limit"}: of all that match the first so many by this order, which is one of
//   sort_keys(); its end is then {"done":{"matched":N}}
//   events {"filter","types":["tcp_reset",…],"follow":true,"fresh":true}: what has happened lately, and with
//   "follow" what goes on happening until the client hangs up; "fresh" leaves out what was before
//   stats    reload    version    ping    config
//
// The answer is a number of data lines and then one last line; each is an object with exactly one member:
//
//   {"flow":{…}}      list; show, then with "sides". With addresses, as always in show, "client" and "server"
//                     have "sees": what that side takes its peer to be, or null where nobody can say
//   {"explanation":{…}}  explain: "flow" as show has it, and why it stands so (explain_json.hpp)
//   {"group":{…}}     count, with "by": that word with its value, or null for what is beyond kMaxGroups,
//                     and "count"
//   {"killed":{…}}    kill: each flow that matched, with its "result"; of an id that is no flow's any more
//                     only "id" and "result"
//   {"stats":{…}}     stats
//   {"policy":{…}}    policy: each one in file order
//   {"event":{…}}     events: one object in EVE's form each (observe/audit_json.hpp). A client that reads too
//                     slowly misses events: {"event_type":"finwaitd_lost",…,"finwaitd":{"count":N}}
//   {"rules":{…}}     rules: "backend" as asked for, "text"
//   {"problem":{…}}   reload: each error of the configuration, its "message"
//   {"version":{…}}   version: "version", "pid"
//   {"config":{…}}    config: "file", and as "text" every key with the value in force, in TOML
//   {"done":{…}}      last, all went well; of count {"count"}, of kill {"matched","requested","failed"}, of
//                     policy with "resume" {"resumed"}: false when the policy was not stopped; of reload
//                     {"notes"}: texts, such as what takes a restart; of events with "follow"
//                     {"stopped":true}: the daemon ends
//   {"error":{…}}     last, it did not: "code", "message" and, of a filter, "column" (1-based). A filter that
//                     asks for a policy which there is not is an error at that name
//
// kill, reload and policy with "resume" are for root, the daemon's own user and the members of
// control.admin_group; others get an error with the code "permission".
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace finwait::control {

/// The longest request that a server reads, its newline not counted.
inline constexpr std::size_t kMaxRequest = 64U << 10U;

/// By what flows are counted.
inline constexpr std::array<std::string_view, 5> kGroupings = {"state", "policy", "client", "server", "port"};
/// As many groups are told apart; beyond them flows are counted together.
inline constexpr std::size_t kMaxGroups = 65536;

enum class Command : std::uint8_t {
    list,
    count,
    show,
    kill,
    stats,
    policy,
    rules,
    reload,
    version,
    ping,
    explain,
    events,
    config
};

[[nodiscard]] std::string_view name(Command c);

struct Request {
    Command command = Command::ping;
    std::string filter;
    std::string id;
    std::string backend;
    std::string resume;
    std::vector<std::string> ids = {};    // of list, count, kill and events: these flows, no filter
    bool addresses = false;               // of list
    bool sides = false;                   // of list
    std::string by = {};                  // of count
    std::string sort = {};                // of list: the key; empty: as they come
    bool descending = false;              // of list
    std::uint32_t limit = 0;              // of list, with a key
    std::vector<std::string> types = {};  // of events: these only; empty: all
    bool follow = false;                  // of events
    bool fresh = false;                   // of events
    bool permission_only = false;         // of kill: ends nothing, asks whether one may

    friend bool operator==(const Request&, const Request&) = default;
};

/// Whether a request is for more than reading: root, the daemon's own user and admins may make it.
[[nodiscard]] bool changes(const Request& request);

/// What "list" can sort by, and how many flows it then gives at most.
[[nodiscard]] std::span<const std::string_view> sort_keys();
inline constexpr std::uint32_t kMaxSorted = 10'000;

enum class ErrorCode : std::uint8_t {
    command,     // the request makes no sense
    filter,      // its filter does not, or is missing
    permission,  // not for who asks
    not_found,   // no such flow
    config,      // the configuration to be loaded has errors
    busy,        // too many connections
    timeout,     // the client or a shard took too long
    failed,      // anything else
};

[[nodiscard]] std::string_view name(ErrorCode c);

struct Error {
    ErrorCode code = ErrorCode::failed;
    std::string message;
    std::size_t column = 0;  // 1-based, in the filter; 0: none

    friend bool operator==(const Error&, const Error&) = default;
};

/// One line, with its newline.
[[nodiscard]] std::string request_line(const Request& request);
[[nodiscard]] std::variant<Request, Error> parse_request(std::string_view line);

/// A member is a JSON text, put into the line as it is.
[[nodiscard]] std::string data_line(std::string_view key, std::string_view json);
[[nodiscard]] std::string done_line(std::string_view json = "{}");
[[nodiscard]] std::string error_line(const Error& error);

/// A JSON string, quotes included; what is not UTF-8 is replaced.
[[nodiscard]] std::string json_string(std::string_view text);

/// A line of an answer, taken apart as far as needed to pass its value on unread.
struct Reply {
    std::string_view key;
    std::string_view json;

    [[nodiscard]] bool is_done() const { return key == "done"; }
    [[nodiscard]] bool is_error() const { return key == "error"; }
};

/// `line` without its newline; empty when it is no object with one member. The values point into `line`.
[[nodiscard]] std::optional<Reply> parse_reply(std::string_view line);
/// The value of an error line. Whatever is wrong with it becomes an error that says so.
[[nodiscard]] Error parse_error(std::string_view json);

}  // namespace finwait::control
