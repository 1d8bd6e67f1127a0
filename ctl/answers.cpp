#include "ctl/answers.hpp"

#include "control/client.hpp"
#include "policy/filter.hpp"
#include "policy/words.hpp"

#include <algorithm>
#include <optional>
#include <variant>

#include <nlohmann/json.hpp>

namespace finwait::ctl {

nlohmann::json parse_object(std::string_view json) {
    nlohmann::json object = nlohmann::json::parse(json, nullptr, false);
    return object.is_object() ? object : nlohmann::json::object();
}

void print_error(const control::Error& error, std::string_view filter, Output& err) {
    err.write("finwaitctl: " + error.message + "\n");
    if (error.column == 0 || filter.empty()) return;
    err.write(policy::pointed_at(filter, error.column) + "\n");
}

bool check_filter(const std::string& filter, Output& err, policy::Purpose purpose) {
    const auto parsed = policy::Filter::parse(filter, purpose);
    const auto* wrong = std::get_if<policy::FilterError>(&parsed);
    if (wrong == nullptr) return true;
    print_error({control::ErrorCode::filter, "filter: " + wrong->message, wrong->column}, filter, err);
    return false;
}

namespace {

/// What was sent lies in the socket of a daemon that is stopped, which reads it later.
std::string_view may_still_happen(const control::Client& client, const control::Request& request) {
    if (!client.silent() || !control::changes(request) || request.permission_only) return {};
    return "; it may still be done when finwaitd goes on";
}

}  // namespace

Answer exchange(const std::string& socket, const control::Request& request, const TakeData& take, Output& err,
                std::chrono::milliseconds patience) {
    auto connected = control::Client::connect(socket, patience);
    if (const auto* problem = std::get_if<control::ConnectError>(&connected)) {
        err.write("finwaitctl: " + problem->message + "\n");
        const bool silent = problem->failure == control::ConnectFailure::silent;
        return {exit_code(problem->failure), {}, {}, silent ? Contact::silent : Contact::none};
    }
    auto& client = std::get<control::Client>(connected);
    // Even when this fails there may be an answer: a daemon that turns us away says why.
    client.send(request);
    while (const std::optional<std::string_view> line = client.next_line()) {
        const std::optional<control::Reply> reply = control::parse_reply(*line);
        if (!reply) {
            err.write("finwaitctl: finwaitd's answer is not understood: " +
                      std::string(line->substr(0, 200)) + "\n");
            return {ExitCode::failed, {}};
        }
        if (reply->is_done()) return {ExitCode::done, std::string(reply->json)};
        if (reply->is_error()) {
            const control::Error error = control::parse_error(reply->json);
            print_error(error, request.filter, err);
            return {exit_code(error.code), {}, error.code};
        }
        if (!take(reply->json)) return {ExitCode::done, {}};
    }
    err.write("finwaitctl: " + client.problem() + std::string(may_still_happen(client, request)) + "\n");
    return {ExitCode::unreachable, {}, {}, client.silent() ? Contact::silent : Contact::made};
}

}  // namespace finwait::ctl
