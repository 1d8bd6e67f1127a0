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
    if (call.by.empty()) {
        const std::size_t flows = parse_object(answer.done).value("count", std::size_t{0});
        terminal.out.write(call.json ? fmt::format("{{\"count\":{}}}\n", flows) : fmt::format("{}\n", flows));
        return ExitCode::done;
    }
    std::sort(groups.begin(), groups.end(), &larger);
    if (call.limit && groups.size() > *call.limit) groups.resize(*call.limit);
    if (call.json)
        print_json(groups, call, terminal.out);
    else
        print_table(groups, call, terminal);
    return ExitCode::done;
}

}  // namespace finwait::ctl
