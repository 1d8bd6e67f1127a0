#include "egress/action.hpp"

#include <string_view>

namespace finwait::egress {
namespace {

std::string line(std::string_view what, const tcp::Endpoint& a, const tcp::Endpoint& b) {
    return std::string(what) + ' ' + a.text() + ' ' + b.text();
}

std::string line(std::string_view what, const flow::Translation& t) {
    return std::string(what) + ' ' + t.opener.own.text() + " (" + t.opener.shown.text() + ") " +
           t.answerer.own.text() + " (" + t.answerer.shown.text() + ')';
}

struct NoticeText {
    std::string operator()(const engine::Held& n) const { return "hold " + n.flow.text(); }
    std::string operator()(const engine::LetGo& n) const { return "let go " + n.flow.text(); }
    std::string operator()(const engine::Unsent& n) const {
        return (n.just_made ? "unsent " : "unsent after waiting ") + n.segment.text();
    }
    std::string operator()(const engine::Gap& n) const { return "gap " + n.flow.text(); }
    std::string operator()(const engine::Ambiguous& n) const {
        return (n.why == flow::Ambiguity::ends ? "ambiguous ends " : "ambiguous numbers ") + n.flow.text();
    }
    std::string operator()(const engine::SocketState& n) const {
        return "socket " + n.end.text() + ' ' + std::string(name(n.evidence)) + ' ' + n.flow.text();
    }
};

struct ActionText {
    std::string operator()(const FindEntry& a) const { return line("find", a.source, a.destination); }
    std::string operator()(const ReadEntry& a) const { return line("read", a.connection); }
    std::string operator()(const CheckTable&) const { return "is the table empty"; }
    std::string operator()(const ScanTable& a) const { return line("scan for", a.source, a.destination); }
    std::string operator()(const MarkEntry& a) const {
        return line("mark " + std::to_string(a.mask), a.connection);
    }
    std::string operator()(const QuerySocket& a) const { return line("query socket", a.local, a.remote); }
    std::string operator()(const DestroySocket& a) const { return line("destroy socket", a.local, a.remote); }
    std::string operator()(const Transmit& a) const {
        return (a.path == Path::tracked ? "transmit tracked " : "transmit ") + a.out.segment.text() + " (" +
               a.out.shown.text() + ')';
    }
    std::string operator()(const engine::Notice& notice) const { return std::visit(NoticeText{}, notice); }
};

}  // namespace

tcp::Segment OutgoingSegment::as_made() const {
    tcp::Segment made = segment;
    made.source = shown;
    return made;
}

std::string text(const Action& action) {
    return std::visit(ActionText{}, action);
}

}  // namespace finwait::egress
