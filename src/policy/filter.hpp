// The filter language: one grammar for policies' `match` and for finwaitctl, after ss(8).
//
//   filter     := term { "or" term }
//   term       := factor { ["and"] factor }
//   factor     := "not" factor | "(" filter ")" | predicate
//   predicate  := ("state"|"client-state"|"server-state") [EQUALITY] STATE | "closer" [EQUALITY]
//   ("client"|"server")
//               | ("client"|"server"|"host") [EQUALITY] CIDR | ("port"|"client-port") [EQUALITY] N
//               | ("idle"|"age") COMPARISON DURATION | "policy" NAME | "phase" [EQUALITY] PHASE
//   EQUALITY   := "eq" | "=" | "==" | "ne" | "!="
//   COMPARISON := ">" | ">=" | "<" | "<=" | "gt" | "ge" | "lt" | "le"
//
// The words are those of ss(8): a shell takes the signs < and > for itself. A policy may be called "eq", so
// that its name follows "policy" at once.
// An empty text matches every flow. A predicate on something unknown (idle time in selective mode) is false.
#pragma once

#include "policy/subject.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace finwait::policy {

struct FilterError {
    std::size_t column = 0;  // 1-based, in bytes of the filter's text
    std::string message;     // what was found and what is allowed there
};

/// One predicate of a filter, and what it says of a flow.
struct Term {
    std::string text;      // as it is written: "server 10.0.0.0/8"
    bool holds = false;    // by itself, whatever "not" stands before it
    bool decides = false;  // the filter's answer rests on it
};

/// A policy's name in a filter.
struct NamedPolicy {
    std::string name;
    std::size_t column = 0;  // 1-based, in bytes of the filter's text
};

/// Who asks. Which policy is in force follows from the policies' matches, so these cannot ask for it; what an
/// event says of its flow does not include the phase.
enum class Purpose : std::uint8_t { query, policy_match, event };

class Filter {
  public:
    /// Filters come from whoever may open the control socket: these bound the memory and the stack they can
    /// take.
    static constexpr std::size_t kMaxLength = 4096;
    static constexpr std::size_t kMaxDepth = 64;

    /// Matches everything.
    Filter() = default;

    [[nodiscard]] static std::variant<Filter, FilterError> parse(std::string_view text,
                                                                 Purpose purpose = Purpose::query);

    /// Allocates nothing.
    [[nodiscard]] bool matches(const Subject& subject) const;
    /// Every predicate in the order of the text. One decides when its answer carried each level above it: in
    /// an "and" that holds, all do; in one that fails, those that fail; in an "or" the other way round.
    [[nodiscard]] std::vector<Term> explain(const Subject& subject) const;
    [[nodiscard]] bool matches_everything() const { return root_ == nullptr; }
    /// The policies that it asks for by name, each with the column (1-based) of the name in the text.
    [[nodiscard]] std::vector<NamedPolicy> named_policies() const;
    /// Whether the answer can change while the addresses, ports and closer stay the same.
    [[nodiscard]] bool depends_on_time() const;
    [[nodiscard]] const std::string& text() const { return text_; }

    /// The same text; equal meaning in other words is not looked for.
    friend bool operator==(const Filter& a, const Filter& b) { return a.text_ == b.text_; }

    struct Node;
    /// The filter as a tree (filter_node.hpp); null when it matches everything.
    [[nodiscard]] const Node* root() const { return root_.get(); }

  private:
    std::shared_ptr<const Node> root_;
    std::string text_;
};

/// The words and signs that a filter may begin with, and then those that may join two predicates.
[[nodiscard]] std::span<const std::string_view> filter_words();

/// "90s", "5m", "2h4m", "1d", "250ms", "off"; empty when it is none of these. "off" is kOff. Each of the
/// units d, h, m, s, ms stands at most once, the longer before the shorter.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);
/// The longest units first, none that is zero: 90 seconds are "1m30s". Below a millisecond it is cut off.
[[nodiscard]] std::string duration_text(Duration d);

}  // namespace finwait::policy
