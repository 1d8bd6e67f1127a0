// A half-closed flow to ask about, and filters that must parse.
#pragma once

#include "policy/filter.hpp"

#include <string_view>
#include <variant>

#include <gtest/gtest.h>

namespace finwait::policy {

inline Subject web_flow() {
    using namespace std::chrono_literals;
    Subject subject;
    subject.client = {*tcp::Address::parse("10.99.1.2"), 40312};
    subject.server = {*tcp::Address::parse("10.99.2.2"), 443};
    subject.client_state = tcp::State::fin_wait_2;
    subject.server_state = tcp::State::close_wait;
    subject.closer = tcp::Role::client;
    subject.age = 2h;
    subject.idle = 30s;
    subject.policy = "web";
    subject.phase = Phase::probing;
    return subject;
}

inline Filter filter(std::string_view text) {
    auto parsed = Filter::parse(text);
    if (const auto* error = std::get_if<FilterError>(&parsed)) {
        ADD_FAILURE() << text << ": column " << error->column << ": " << error->message;
        return {};
    }
    return std::get<Filter>(parsed);
}

inline bool matches(std::string_view text, const Subject& subject = web_flow()) {
    return filter(text).matches(subject);
}

inline FilterError error_of(std::string_view text, Purpose purpose = Purpose::query) {
    const auto parsed = Filter::parse(text, purpose);
    const auto* error = std::get_if<FilterError>(&parsed);
    return error ? *error : FilterError{0, "no error"};
}

}  // namespace finwait::policy
