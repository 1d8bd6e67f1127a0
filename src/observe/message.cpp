#include "observe/message.hpp"

#include <array>
#include <cassert>
#include <utility>

namespace finwait::observe {
namespace {

constexpr std::array kKinds = {
    std::pair{Message::started, MessageKind{"started", "889d3f2955114076bf650c59531c39d6"}},
    std::pair{Message::stopping, MessageKind{"stopping", "c76bc2a95b304b358a2dd373b35af30d"}},
    std::pair{Message::reloaded, MessageKind{"reloaded", "e07dc38ace464f2d8bc886cc34b19487"}},
    std::pair{Message::reload_rejected, MessageKind{"reload_rejected", "c90e2c9451bd414493650e7f2295b020"}},
    std::pair{Message::policy_resumed, MessageKind{"policy_resumed", "e395bd500c41467d8977f552a382b226"}},
    std::pair{Message::kill_requested, MessageKind{"kill_requested", "04ce7762c4004811802108f0506a715f"}},
    std::pair{Message::request_refused, MessageKind{"request_refused", "7b00bc0f39204c6fb69a11081a49def9"}},
    std::pair{Message::lines_left_out, MessageKind{"lines_left_out", "5106d564e58f4e2faa6fc41d570f68da"}},
    std::pair{Message::audit_failing, MessageKind{"audit_failing", "faef8ae571274aec9da3be446739d3a1"}},
    std::pair{Message::rules_missing, MessageKind{"rules_missing", "4e292c6f3ed94ab1becf46939a81746c"}},
    std::pair{Message::rules_restored, MessageKind{"rules_restored", "c0a4ec2b9d21402b8d8f12a4b51433e5"}},
};

constexpr bool in_order() {
    for (std::size_t i = 0; i < kKinds.size(); ++i)
        if (kKinds[i].first != static_cast<Message>(i)) return false;
    return true;
}
static_assert(in_order() && kKinds.size() == kMessages, "one row for each message");

}  // namespace

const MessageKind& kind(Message message) {
    assert(static_cast<std::size_t>(message) < kMessages);
    return kKinds[static_cast<std::size_t>(message)].second;
}

}  // namespace finwait::observe
