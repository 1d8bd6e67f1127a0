// A request and its answer as values: what the page and the metrics know of HTTP.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace finwait::web {

struct Request {
    std::string method = "GET";
    std::string target = "/";
    std::optional<std::string> host;  // the Host header
    std::string accept;
    bool needs_host = true;  // as of HTTP/1.1
};

struct Answer {
    unsigned status = 200;
    std::string type = "text/plain; charset=utf-8";
    std::string body;
    std::vector<std::pair<std::string_view, std::string>> headers = {};  // besides those that all have
};

/// A target's path and what follows its "?", decoded.
struct Target {
    std::string path;
    std::map<std::string, std::string, std::less<>> query;
};

/// Empty where it is no absolute path, or badly encoded, or says the same thing twice.
[[nodiscard]] std::optional<Target> parse_target(std::string_view text);

}  // namespace finwait::web
