// Recursive descent over the grammar in filter.hpp: text to tree.
#pragma once

#include "policy/filter.hpp"
#include "policy/filter_lexer.hpp"
#include "policy/filter_node.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace finwait::policy {

class Parser {
  public:
    Parser(std::string_view text, Purpose purpose) : lexer_(text), purpose_(purpose) {}

    /// The whole text as a tree, or the first error in it. The text must not be blank.
    [[nodiscard]] std::variant<Filter::Node, FilterError> parse();

  private:
    using Parsed = std::optional<Filter::Node>;  // empty: error_ says why

    Parsed filter();
    Parsed term();
    Parsed factor();
    Parsed negation();
    Parsed group();
    Parsed predicate();
    Parsed placed_predicate();
    Parsed state(std::optional<tcp::Role> side);
    Parsed address(std::optional<tcp::Role> side);
    Parsed port(tcp::Role side);
    Parsed closer();
    Parsed policy();
    Parsed phase();
    Parsed compare(Quantity quantity);
    /// Takes "eq" or "ne", or their signs, where one of them follows; true after "ne".
    bool takes_inequality();

    /// The predicate that a value which stands alone probably belongs to: "host" for an address; empty: none.
    static std::string_view predicate_for(std::string_view value);

    std::nullopt_t fail(const Token& at, std::string message);
    std::nullopt_t unexpected(const Token& found, std::string_view allowed,
                              std::span<const std::string_view> near = {});

    Lexer lexer_;
    Purpose purpose_;
    std::size_t depth_ = 0;
    bool after_factor_ = false;  // "and" and "or" would be allowed here as well
    FilterError error_;
};

}  // namespace finwait::policy
