// The kinds of keys: from a member of a table to reading it, printing it and saying what is allowed.
#pragma once

#include "config/keys.hpp"
#include "config/value.hpp"
#include "policy/filter.hpp"
#include "policy/words.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace finwait::config {

/// Copies `member`, for a row of the table.
template<class Table, class Value>
std::function<void(const Table&, Table&)> copy_of(Value Table::*member) {
    return [=](const Table& from, Table& to) { to.*member = from.*member; };
}

/// Copies what `member` returns a reference to, for a row of [limits].
template<class Member>
std::function<void(const Limits&, Limits&)> copy_by(Member member) {
    return [=](const Limits& from, Limits& to) { member(to) = member(from); };
}

/// `key`, which a reload leaves as it is: another value takes a restart.
template<class Table>
Key<Table> needs_restart(Key<Table> key) {
    key.on_reload = OnReload::needs_restart;
    return key;
}

template<class Value>
using Words = std::vector<std::pair<std::string_view, Value>>;

/// One of a few words, each of which stands for a value.
template<class Table, class Value>
Key<Table> word(std::string_view name, Value Table::*member, Words<Value> values) {
    std::vector<std::string_view> words;
    std::string allowed;
    for (const auto& [text, value] : values) {
        words.push_back(text);
        allowed += (allowed.empty() ? "" : ", ") + policy::in_quotes(text);
    }
    const auto read = [=](const toml::node& node, Table& table) {
        const auto text = node.value_exact<std::string_view>();
        for (const auto& [known, value] : values) {
            if (text != known) continue;
            table.*member = value;
            return true;
        }
        return false;
    };
    const auto print = [=](const Table& table) {
        for (const auto& [text, value] : values) {
            if (table.*member == value) return toml_string(text);
        }
        return toml_string("");
    };
    return {name, allowed, words, read, print, copy_of(member)};
}

template<class Table, class Value>
Key<Table> integer(std::string_view name, Value Table::*member, std::int64_t least, std::int64_t most) {
    const auto read = [=](const toml::node& node, Table& table) {
        const auto number = node.value_exact<std::int64_t>();
        if (!number || *number < least || *number > most) return false;
        table.*member = static_cast<Value>(*number);
        return true;
    };
    const auto print = [=](const Table& table) { return std::to_string(table.*member); };
    return {name,  "an integer from " + std::to_string(least) + " to " + std::to_string(most),
            {},    read,
            print, copy_of(member)};
}

/// A share of limits.flows; `off` is what "off" stands for, where it is allowed.
template<class Member>
Key<Limits> share(std::string_view name, Member member, double least, double most,
                  std::optional<double> off = std::nullopt) {
    const auto read = [=](const toml::node& node, Limits& table) {
        if (off && node.value_exact<std::string_view>() == "off") {
            member(table) = *off;
            return true;
        }
        const auto whole = node.value_exact<std::int64_t>();
        const auto number = whole ? static_cast<double>(*whole) : node.value_exact<double>();
        if (!number || !(*number >= least && *number <= most)) return false;
        member(table) = *number;
        return true;
    };
    const auto print = [=](const Limits& table) {
        return off && member(table) == *off ? toml_string("off") : number_text(member(table));
    };
    std::string allowed = "a number from " + number_text(least) + " to " + number_text(most);
    if (off) allowed += ", or \"off\"";
    return {name, std::move(allowed), {}, read, print, copy_by(member)};
}

/// How many leading bits of an address name its source, 1 to `most`.
template<class Member>
Key<Limits> prefix_length(std::string_view name, Member member, std::int64_t most) {
    const auto read = [=](const toml::node& node, Limits& table) {
        const auto number = node.value_exact<std::int64_t>();
        if (!number || *number < 1 || *number > most) return false;
        member(table) = static_cast<std::uint8_t>(*number);
        return true;
    };
    const auto print = [=](const Limits& table) { return std::to_string(member(table)); };
    return {name, "an integer from 1 to " + std::to_string(most), {}, read, print, copy_by(member)};
}

template<class Table>
Key<Table> boolean(std::string_view name, bool Table::*member) {
    const auto read = [=](const toml::node& node, Table& table) {
        const auto value = node.value_exact<bool>();
        if (value) table.*member = *value;
        return value.has_value();
    };
    const auto print = [=](const Table& table) { return std::string(table.*member ? "true" : "false"); };
    return {name, "true or false", {}, read, print, copy_of(member)};
}

enum class Off : bool { refused, accepted };

inline Key<policy::Timeouts> duration(std::string_view name, Duration policy::Timeouts::*member,
                                      Off off = Off::refused, Duration least = std::chrono::milliseconds(1)) {
    constexpr Duration kMost = std::chrono::hours(24 * 365);
    const auto read = [=](const toml::node& node, policy::Timeouts& table) {
        const auto text = node.value_exact<std::string_view>();
        const auto value = text ? policy::parse_duration(*text) : std::nullopt;
        if (!value) return false;
        const bool in_range = *value >= least && *value <= kMost;
        if (!in_range && (*value != policy::kOff || off == Off::refused)) return false;
        table.*member = *value;
        return true;
    };
    const auto print = [=](const policy::Timeouts& table) {
        return toml_string(policy::duration_text(table.*member));
    };
    std::string allowed = "a duration from \"" + policy::duration_text(least) +
                          "\" to \"365d\", such as \"90s\", \"5m\" or \"2h4m\"";
    if (off == Off::accepted) allowed += ", or \"off\"";
    return {name, std::move(allowed), {}, read, print, copy_of(member)};
}

/// Text that a predicate accepts.
template<class Table>
Key<Table> text(std::string_view name, std::string Table::*member, std::string allowed,
                bool (*valid)(std::string_view)) {
    const auto read = [=](const toml::node& node, Table& table) {
        const auto value = node.value_exact<std::string_view>();
        if (!value || !valid(*value)) return false;
        table.*member = *value;
        return true;
    };
    const auto print = [=](const Table& table) { return toml_string(table.*member); };
    return {name, std::move(allowed), {}, read, print, copy_of(member)};
}

/// A filter, as policies have them.
template<class Table>
Key<Table> filter(std::string_view name, std::string Table::*member, std::string allowed) {
    const auto valid = [](std::string_view value) {
        const auto parsed = policy::Filter::parse(value, policy::Purpose::policy_match);
        return std::holds_alternative<policy::Filter>(parsed);
    };
    Key<Table> key = text(name, member, std::move(allowed), +valid);
    key.is_filter = true;
    return key;
}

}  // namespace finwait::config
