// The predicates' operands: what follows a predicate's name.
#include "policy/filter_parser.hpp"
#include "policy/policy.hpp"
#include "policy/words.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace finwait::policy {
namespace {

// Both as Comparison counts them.
constexpr std::array<std::string_view, 4> kComparisons = {">", ">=", "<", "<="};
constexpr std::array<std::string_view, 4> kComparisonWords = {"gt", "ge", "lt", "le"};
constexpr std::array<std::string_view, 3> kEqual = {"eq", "=", "=="};
constexpr std::array<std::string_view, 2> kUnequal = {"ne", "!="};
constexpr std::array<std::string_view, 2> kRoles = {"client", "server"};  // as tcp::Role counts them

// The index of the token in a table whose order is an enumeration's.
template<class Enum, std::size_t N>
std::optional<Enum> one_of(const std::array<std::string_view, N>& names, std::string_view text) {
    const auto found = std::find(names.begin(), names.end(), text);
    if (found == names.end()) return std::nullopt;
    return static_cast<Enum>(found - names.begin());
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto* last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, port);
    if (error != std::errc{} || end != last) return std::nullopt;
    return port;
}

template<std::size_t N>
bool holds(const std::array<std::string_view, N>& words, std::string_view text) {
    return std::find(words.begin(), words.end(), text) != words.end();
}

}  // namespace

bool Parser::takes_inequality() {
    const bool unequal = holds(kUnequal, lexer_.peek().text);
    if (unequal || holds(kEqual, lexer_.peek().text)) lexer_.take();
    return unequal;
}

std::string_view Parser::predicate_for(std::string_view value) {
    if (tcp::parse_state(value)) return "state";
    if (parse_port(value)) return "port";
    if (one_of<Phase>(kPhaseNames, value)) return "phase";
    return Network::parse(value) ? "host" : "";
}

Parser::Parsed Parser::state(std::optional<tcp::Role> side) {
    const bool negated = takes_inequality();
    const auto state = tcp::parse_state(lexer_.peek().text);
    if (!state)
        return unexpected(lexer_.peek(), "a state (" + listed(tcp::kStateNames) + ")", tcp::kStateNames);
    lexer_.take();
    return Filter::Node{StateIs{side, *state}, negated};
}

Parser::Parsed Parser::address(std::optional<tcp::Role> side) {
    const bool negated = takes_inequality();
    const auto network = Network::parse(lexer_.peek().text);
    if (!network) {
        return unexpected(lexer_.peek(),
                          "an address or a network such as 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32");
    }
    lexer_.take();
    return Filter::Node{AddressIn{side, *network}, negated};
}

Parser::Parsed Parser::port(tcp::Role side) {
    const bool negated = takes_inequality();
    const auto port = parse_port(lexer_.peek().text);
    if (!port) return unexpected(lexer_.peek(), "a port number (0 to 65535)");
    lexer_.take();
    return Filter::Node{PortIs{side, *port}, negated};
}

Parser::Parsed Parser::closer() {
    const bool negated = takes_inequality();
    const auto side = one_of<tcp::Role>(kRoles, lexer_.peek().text);
    if (!side) return unexpected(lexer_.peek(), listed(kRoles), kRoles);
    lexer_.take();
    return Filter::Node{CloserIs{*side}, negated};
}

Parser::Parsed Parser::policy() {
    if (!is_policy_name(lexer_.peek().text)) {
        return unexpected(lexer_.peek(), "a policy's name (1 to 32 letters, digits, \"_\", \".\" and \"-\")");
    }
    return Filter::Node{PolicyIs{std::string(lexer_.take().text)}};
}

Parser::Parsed Parser::phase() {
    const bool negated = takes_inequality();
    const auto phase = one_of<Phase>(kPhaseNames, lexer_.peek().text);
    if (!phase) return unexpected(lexer_.peek(), "a phase (" + listed(kPhaseNames) + ")", kPhaseNames);
    lexer_.take();
    return Filter::Node{PhaseIs{*phase}, negated};
}

Parser::Parsed Parser::compare(Quantity quantity) {
    auto comparison = one_of<Comparison>(kComparisons, lexer_.peek().text);
    if (!comparison) comparison = one_of<Comparison>(kComparisonWords, lexer_.peek().text);
    if (!comparison) {
        // In a shell "idle > 1m" ends before the sign.
        const auto* const quoting =
            lexer_.peek().is_end() ? " (a shell takes > and < unless they are quoted)" : "";
        return unexpected(lexer_.peek(), listed(kComparisons) + ", " + listed(kComparisonWords) + quoting,
                          kComparisonWords);
    }
    lexer_.take();
    const auto limit = parse_duration(lexer_.peek().text);
    if (!limit || *limit == kOff) {
        return unexpected(lexer_.peek(), "a duration such as 30s, 5m, 2h4m, 1d or 250ms");
    }
    lexer_.take();
    return Filter::Node{Compare{quantity, *comparison, *limit}};
}

}  // namespace finwait::policy
