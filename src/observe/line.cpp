#include "observe/line.hpp"

#include <algorithm>

namespace finwait::observe {
namespace {

/// ASCII's unit separator: in no text of ours, and taken out of what comes from outside.
constexpr char kSeparator = '\x1f';

void append_clean(std::string& to, std::string_view text) {
    const auto from = static_cast<std::ptrdiff_t>(to.size());
    to += text;
    std::replace(to.begin() + from, to.end(), kSeparator, ' ');
}

}  // namespace

Line::Line(const MessageKind& kind, std::string_view text) {
    append_clean(payload_, text);
    with("MESSAGE_ID", kind.id);
    with("FINWAITD_EVENT", kind.name);
}

Line& Line::with(std::string_view name, std::string_view value) & {
    payload_ += kSeparator;
    payload_ += name;
    payload_ += '=';
    append_clean(payload_, value);
    return *this;
}

LineParts take_apart(std::string_view payload) {
    LineParts parts;
    std::size_t end = payload.find(kSeparator);
    parts.text = payload.substr(0, end);
    while (end != std::string_view::npos) {
        payload.remove_prefix(end + 1);
        end = payload.find(kSeparator);
        parts.fields.push_back(payload.substr(0, end));
    }
    return parts;
}

}  // namespace finwait::observe
