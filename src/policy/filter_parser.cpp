#include "policy/filter_parser.hpp"

#include "policy/words.hpp"

#include <array>
#include <utility>

namespace finwait::policy {
namespace {

// What a factor may begin with, then what may join two of them.
constexpr std::array<std::string_view, 17> kWords = {
    "state", "client-state", "server-state", "closer", "client", "server", "host", "port", "client-port",
    "idle",  "age",          "policy",       "phase",  "not",    "(",      "and",  "or"};
constexpr std::span kFactorStart = std::span(kWords).first<15>();

}  // namespace

std::span<const std::string_view> filter_words() {
    return kWords;
}

std::variant<Filter::Node, FilterError> Parser::parse() {
    auto root = filter();
    if (!root) return std::move(error_);
    if (!lexer_.peek().is_end()) {
        fail(lexer_.peek(), "found \")\" that closes nothing; allowed: as many \")\" as there are \"(\"");
        return std::move(error_);
    }
    return std::move(*root);
}

Parser::Parsed Parser::filter() {
    std::vector<Filter::Node> terms;
    do {
        auto next = term();
        if (!next) return std::nullopt;
        terms.push_back(std::move(*next));
    } while (lexer_.peek().is("or") && lexer_.take().is("or"));
    if (terms.size() == 1) return std::move(terms.front());
    return Filter::Node{Any{std::move(terms)}};
}

Parser::Parsed Parser::term() {
    std::vector<Filter::Node> factors;
    const auto ends = [](const Token& token) { return token.is_end() || token.is("or") || token.is(")"); };
    do {
        after_factor_ = !factors.empty();
        if (after_factor_ && lexer_.peek().is("and")) {
            lexer_.take();
            after_factor_ = false;
        }
        auto next = factor();
        if (!next) return std::nullopt;
        factors.push_back(std::move(*next));
    } while (!ends(lexer_.peek()));
    if (factors.size() == 1) return std::move(factors.front());
    return Filter::Node{All{std::move(factors)}};
}

Parser::Parsed Parser::factor() {
    const auto& next = lexer_.peek();
    if (!next.is("not") && !next.is("(")) return placed_predicate();
    if (depth_ == Filter::kMaxDepth) {
        return fail(next, "found " + policy::in_quotes(next.text) + " nested too deep; allowed: at most " +
                              std::to_string(Filter::kMaxDepth) + " levels of \"not\" and \"(\"");
    }
    ++depth_;
    auto result = next.is("not") ? negation() : group();
    --depth_;
    return result;
}

Parser::Parsed Parser::negation() {
    lexer_.take();
    after_factor_ = false;
    auto negated = factor();
    if (!negated) return std::nullopt;
    return Filter::Node{Not{std::make_unique<Filter::Node>(std::move(*negated))}};
}

Parser::Parsed Parser::group() {
    const auto open = lexer_.take();
    auto inner = filter();
    if (!inner) return std::nullopt;
    if (!lexer_.peek().is(")")) {
        return unexpected(lexer_.peek(), "\")\" to close the \"(\" at column " + std::to_string(open.column) +
                                             ", and, or, or another predicate");
    }
    lexer_.take();
    return inner;
}

Parser::Parsed Parser::placed_predicate() {
    const std::size_t begin = lexer_.peek().column - 1;
    auto parsed = predicate();
    if (parsed) {
        parsed->begin = begin;
        parsed->length = lexer_.taken_up_to() - begin;
    }
    return parsed;
}

Parser::Parsed Parser::predicate() {
    const auto word = lexer_.peek();
    const auto known = [&](std::string_view name) {
        if (!word.is(name)) return false;
        lexer_.take();
        return true;
    };
    using enum tcp::Role;
    if (known("state")) return state(std::nullopt);
    if (known("client-state")) return state(client);
    if (known("server-state")) return state(server);
    if (known("closer")) return closer();
    if (known("client")) return address(client);
    if (known("server")) return address(server);
    if (known("host")) return address(std::nullopt);
    if (known("port")) return port(server);
    if (known("client-port")) return port(client);
    if (known("idle")) return compare(Quantity::idle);
    if (known("age")) return compare(Quantity::age);
    if (word.is("phase") && purpose_ == Purpose::event) {
        return fail(
            word, "found \"phase\"; allowed for events: every other predicate (their types tell the phase)");
    }
    if (known("phase")) return phase();
    if (word.is("policy") && purpose_ == Purpose::policy_match) {
        return fail(
            word,
            "found \"policy\"; allowed in a policy's match: every other predicate (which policy is in "
            "force follows from the matches)");
    }
    if (known("policy")) return policy();

    const auto allowed = after_factor_ ? std::span<const std::string_view>(kWords) : kFactorStart;
    if (const auto meant = predicate_for(word.text); !meant.empty()) {
        return fail(word, "found " + policy::in_quotes(word.text) + "; allowed: " + listed(allowed) +
                              "; did you mean " +
                              policy::in_quotes(std::string(meant) + ' ' + std::string(word.text)) + "?");
    }
    return unexpected(word, listed(allowed), allowed);
}

std::nullopt_t Parser::fail(const Token& at, std::string message) {
    error_ = {at.column, std::move(message)};
    return std::nullopt;
}

std::nullopt_t Parser::unexpected(const Token& found, std::string_view allowed,
                                  std::span<const std::string_view> near) {
    const auto what = found.is_end() ? std::string("the end of the filter") : policy::in_quotes(found.text);
    return fail(found, "found " + what + "; allowed: " + std::string(allowed) + suggestion(found.text, near));
}

}  // namespace finwait::policy
