#include "observe/message.hpp"

#include <array>

namespace finwait::observe {
namespace {

constexpr std::array kKinds = {
    MessageKind{Message::started, "started", "889d3f2955114076bf650c59531c39d6"},
    MessageKind{Message::stopping, "stopping", "c76bc2a95b304b358a2dd373b35af30d"},
    MessageKind{Message::reloaded, "reloaded", "e07dc38ace464f2d8bc886cc34b19487"},
    MessageKind{Message::reload_rejected, "reload_rejected", "c90e2c9451bd414493650e7f2295b020"},
    MessageKind{Message::policy_stopped, "policy_stopped", "49ccd4d1dec24bab820071599a90c9df"},
    MessageKind{Message::policy_resumed, "policy_resumed", "e395bd500c41467d8977f552a382b226"},
    MessageKind{Message::kill_requested, "kill_requested", "04ce7762c4004811802108f0506a715f"},
    MessageKind{Message::request_refused, "request_refused", "7b00bc0f39204c6fb69a11081a49def9"},
    MessageKind{Message::lines_left_out, "lines_left_out", "5106d564e58f4e2faa6fc41d570f68da"},
    MessageKind{Message::audit_failing, "audit_failing", "faef8ae571274aec9da3be446739d3a1"},
    MessageKind{Message::rules_missing, "rules_missing", "4e292c6f3ed94ab1becf46939a81746c"},
    MessageKind{Message::rules_restored, "rules_restored", "c0a4ec2b9d21402b8d8f12a4b51433e5"},
    MessageKind{Message::flow_half_closed, "flow_half_closed", "b58368760edf4a0ab7a7b817e7746edf"},
    MessageKind{Message::flow_asked, "flow_asked", "b2779e4dd2484b74b7093ad6dfd0b464"},
    MessageKind{Message::flow_asked_again, "flow_asked_again", "1d6768da12ec490f812e8ead250dfca3"},
    MessageKind{Message::flow_near_miss, "flow_near_miss", "be8e2fe5591c4720ae1ad57ed16e5323"},
    MessageKind{Message::flow_answered, "flow_answered", "7ce8aa27f2f34f359f36939cae49b484"},
    MessageKind{Message::flow_silent, "flow_silent", "6f9c2a739bbe4ae9aa91f06c6ef05591"},
    MessageKind{Message::flow_left, "flow_left", "bb1be6e2c0014d9fb4738211f2548fb0"},
    MessageKind{Message::flow_revived, "flow_revived", "85735bf2c71c4f28bace02b17143aa88"},
    MessageKind{Message::flow_reset, "flow_reset", "e0722a8304774bd9ae6b996b7c53132d"},
    MessageKind{Message::flow_reset_again, "flow_reset_again", "2eb5f3abd8c248ab8acb505fbc578b1c"},
    MessageKind{Message::flow_would_be_reset, "flow_would_be_reset", "ec2d568953ac474c9aeed9250de9699c"},
    MessageKind{Message::flow_confirmed, "flow_confirmed", "a02519b3659d494f8fc04af0ff64f3e0"},
    MessageKind{Message::flow_unconfirmed, "flow_unconfirmed", "af16dcf9e41b41b1ac8fa1352ea39813"},
    MessageKind{Message::flow_refused, "flow_refused", "ccccbcbcb8c54bfa9b0cc5c3e6f67d36"},
    MessageKind{Message::flow_closed, "flow_closed", "83102be2e8d34435bba543f13fdada44"},
};

constexpr bool in_order() {
    for (std::size_t i = 0; i < kKinds.size(); ++i)
        if (kKinds[i].message != static_cast<Message>(i)) return false;
    return true;
}
static_assert(in_order() && kKinds.back().message == Message::flow_closed);

}  // namespace

std::span<const MessageKind> message_kinds() {
    return kKinds;
}

const MessageKind& kind(Message message) {
    return kKinds[static_cast<std::size_t>(message)];
}

Message message_of(engine::EventType type) {
    using engine::EventType;
    switch (type) {
        case EventType::half_closed: return Message::flow_half_closed;
        case EventType::probe: return Message::flow_asked;
        case EventType::left: return Message::flow_left;
        case EventType::reset: return Message::flow_reset;
        case EventType::would_reset: return Message::flow_would_be_reset;
        case EventType::confirmed: return Message::flow_confirmed;
        case EventType::unconfirmed: return Message::flow_unconfirmed;
        case EventType::refused: return Message::flow_refused;
        case EventType::asked_again: return Message::flow_asked_again;
        case EventType::answered: return Message::flow_answered;
        case EventType::silent: return Message::flow_silent;
        case EventType::near_miss: return Message::flow_near_miss;
        case EventType::reset_again: return Message::flow_reset_again;
        case EventType::revived: return Message::flow_revived;
        case EventType::stopped: return Message::policy_stopped;
        case EventType::closed: break;
    }
    return Message::flow_closed;
}

}  // namespace finwait::observe
