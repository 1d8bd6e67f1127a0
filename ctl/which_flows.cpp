#include "ctl/which_flows.hpp"

#include "ctl/answers.hpp"
#include "ctl/event_text.hpp"
#include "engine/report.hpp"
#include "policy/words.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace finwait::ctl {
namespace {

std::vector<std::string> words_of(const std::string& operand) {
    constexpr std::string_view between = " \t\r\n,";
    std::vector<std::string> words;
    for (std::size_t begin = operand.find_first_not_of(between); begin != std::string::npos;) {
        const std::size_t end = std::min(operand.find_first_of(between, begin), operand.size());
        words.push_back(operand.substr(begin, end - begin));
        begin = operand.find_first_not_of(between, end);
    }
    return words;
}

bool is_id(const std::string& word) {
    return engine::FlowId::parse(word).has_value();
}

bool holds(const std::vector<std::string>& texts, const std::string& text) {
    return std::find(texts.begin(), texts.end(), text) != texts.end();
}

}  // namespace

bool begins_with_id(const std::string& operand) {
    const std::vector<std::string> words = words_of(operand);
    return !words.empty() && is_id(words.front());
}

bool choose_flows(const std::string& operand, control::Request& request, Output& err,
                  policy::Purpose purpose) {
    const std::vector<std::string> words = words_of(operand);
    if (words.empty() || !is_id(words.front())) {
        request.filter = operand;
        return check_filter(operand, err, purpose);
    }
    for (const std::string& word : words) {
        const auto id = engine::FlowId::parse(word);
        if (!id) {
            err.write("finwaitctl: found " + policy::in_quotes(word) + " behind the id " + words.front() +
                      ": say which flows either by their ids or by a filter\n");
            return false;
        }
        // As the daemon writes it: 00-01 is 0-1.
        if (!holds(request.ids, id->text())) request.ids.push_back(id->text());
    }
    return true;
}

std::vector<nlohmann::json> last_events(const std::string& socket, std::string_view id) {
    control::Request request;
    request.command = control::Command::events;
    request.ids = {std::string(id)};
    std::vector<nlohmann::json> events;
    std::string unsaid;
    Output nowhere(unsaid);
    const auto take = [&events](std::string_view line) {
        nlohmann::json event = parse_object(line);
        if (event.contains("flow_id")) events.push_back(std::move(event));
        return true;
    };
    static_cast<void>(exchange(socket, request, take, nowhere));
    return events;
}

std::string text_of_events(const std::vector<nlohmann::json>& events) {
    std::string text;
    for (const nlohmann::json& event : events)
        text += event_text(event);
    return text;
}

void print_never(const std::string& id, Output& err) {
    err.write("finwaitctl: no flow " + id + ": it is gone, or never was\n");
}

void print_missing(const std::string& socket, const std::string& id, Output& err) {
    const std::string events = text_of_events(last_events(socket, id));
    if (events.empty())
        print_never(id, err);
    else
        err.write("finwaitctl: flow " + id + " is over; its last events:\n" + events);
}

ExitCode print_missing(const std::string& socket, const std::vector<std::string>& wanted,
                       const std::vector<std::string>& seen, Output& err) {
    ExitCode code = ExitCode::done;
    for (const std::string& id : wanted) {
        if (holds(seen, id)) continue;
        print_missing(socket, id, err);
        code = ExitCode::failed;
    }
    return code;
}

}  // namespace finwait::ctl
