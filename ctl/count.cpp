#include "ctl/count.hpp"

#include "ctl/answers.hpp"
#include "ctl/json_array.hpp"
#include "ctl/table.hpp"
#include "ctl/text.hpp"
#include "ctl/which_flows.hpp"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace finwait::ctl {
namespace {

struct Group {
    std::size_t flows;
    std::string name;  // for people
    std::string json;  // as the daemon sent it
};

/// The largest first, and equals by name.
bool larger(const Group& a, const Group& b) {
    return a.flows != b.flows ? a.flows > b.flows : a.name < b.name;
}

std::string upper(std::string text) {
    for (char& c : text)
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
}

void print_json(const std::vector<Group>& groups, const Invocation& call, Output& out) {
    JsonArray array(out, call.pretty);
    for (const Group& group : groups)
        array.add(group.json);
    array.finish();
}

void print_table(const std::vector<Group>& groups, const Invocation& call, Terminal& terminal) {
    const std::string title = upper(call.by);
    Table table({{"COUNT", 0, true}, {title}}, terminal.width, terminal.out, {call.header, terminal.colours});
    for (const Group& group : groups)
        table.add({fmt::to_string(group.flows), group.name});
    table.finish();
}

std::size_t flows_in(const std::vector<Group>& groups) {
    std::size_t flows = 0;
    for (const Group& group : groups)
        flows += group.flows;
    return flows;
}

/// Names the ids that no flow has. A count says only how many flows were found, so they are listed.
ExitCode print_unknown_ids(const Invocation& call, const std::vector<std::string>& wanted, std::size_t found,
                           Terminal& terminal) {
    if (found >= wanted.size()) return ExitCode::done;
    control::Request request;
    request.command = control::Command::list;
    request.ids = wanted;
    std::vector<std::string> seen;
    const auto take = [&seen](std::string_view json) {
        seen.push_back(text_at(parse_object(json), "id"));
        return true;
    };
    const Answer answer = exchange(call.socket, request, take, terminal.err);
    if (answer.code != ExitCode::done) return answer.code;
    return print_missing(call.socket, wanted, seen, terminal.err);
}

void print_groups(std::vector<Group>& groups, const Invocation& call, Terminal& terminal) {
    std::sort(groups.begin(), groups.end(), &larger);
    if (call.limit && groups.size() > *call.limit) groups.resize(*call.limit);
    if (call.json)
        print_json(groups, call, terminal.out);
    else
        print_table(groups, call, terminal);
}

}  // namespace

ExitCode count_flows(const Invocation& call, Terminal& terminal) {
    control::Request request;
    request.command = control::Command::count;
    if (!choose_flows(call.operand, request, terminal.err)) return ExitCode::bad_input;
    request.by = call.by;

    std::vector<Group> groups;
    const auto take = [&](std::string_view json) {
        const nlohmann::json group = parse_object(json);
        const std::string name = text_at(group, call.by);
        groups.push_back(
            {group.value("count", std::size_t{0}), name == "-" ? "(others)" : name, std::string(json)});
        return true;
    };
    const Answer answer = exchange(call.socket, request, take, terminal.err);
    if (answer.code != ExitCode::done) return answer.code;
    std::size_t flows = flows_in(groups);
    if (call.by.empty()) {
        flows = parse_object(answer.done).value("count", std::size_t{0});
        terminal.out.write(call.json ? fmt::format("{{\"count\":{}}}\n", flows) : fmt::format("{}\n", flows));
    } else {
        print_groups(groups, call, terminal);
    }
    return print_unknown_ids(call, request.ids, flows, terminal);
}

}  // namespace finwait::ctl
