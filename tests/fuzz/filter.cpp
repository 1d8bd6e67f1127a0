// The filter language. A second opinion on each answer: a filter's negation says the opposite, each of its
// predicates says alone what it says within, and what does not depend on time does not change with it.
#include "policy/filter.hpp"

#include "input.hpp"
#include "policy/network.hpp"
#include "policy/words.hpp"
#include "subject.hpp"

#include <algorithm>
#include <string>

namespace finwait::fuzz {
namespace {

using policy::Filter;
using policy::FilterError;
using policy::Purpose;

void check_error(std::string_view text, const FilterError& error) {
    require(error.column >= 1 && error.column <= text.size() + 1, "an error points outside of the text");
    require(!error.message.empty(), "an error without a message");
    require(policy::pointed_at(text, error.column).ends_with('^'), "an error cannot be shown");
}

const Filter* parsed(const std::variant<Filter, FilterError>& result) {
    return std::get_if<Filter>(&result);
}

/// Around a filter that fits, with room for what is added.
void check_wrapped(std::string_view text, bool matches, const policy::Subject& subject) {
    const bool blank = parsed(Filter::parse(text))->matches_everything();
    if (blank || text.size() + 8 > Filter::kMaxLength) return;
    const auto group = Filter::parse("(" + std::string(text) + ")");
    const auto negation = Filter::parse("not (" + std::string(text) + ")");
    // One level more may be one too many.
    if (parsed(group) != nullptr)
        require(parsed(group)->matches(subject) == matches, "parentheses change the answer");
    if (parsed(negation) != nullptr)
        require(parsed(negation)->matches(subject) != matches, "a filter and its negation agree");
}

void check_terms(const Filter& filter, const policy::Subject& subject) {
    const std::vector<policy::Term> terms = filter.explain(subject);
    require(terms.empty() == filter.matches_everything(), "a filter without predicates is no empty one");
    bool decided = terms.empty();
    for (const policy::Term& term : terms) {
        const auto alone = Filter::parse(term.text);
        require(parsed(alone) != nullptr, "a predicate cannot stand alone");
        require(parsed(alone)->matches(subject) == term.holds, "a predicate alone says something else");
        decided = decided || term.decides;
    }
    require(decided, "no predicate decides");
}

void check_lasting(const Filter& filter, const policy::Subject& subject, Input& in) {
    if (filter.depends_on_time()) return;
    policy::Subject later = some_subject(in);
    later.client = subject.client;
    later.server = subject.server;
    later.closer = subject.closer;
    require(filter.matches(subject) == filter.matches(later), "what does not depend on time has changed");
}

/// Durations and networks are read elsewhere, too.
void check_words(std::string_view text) {
    const std::string_view word = text.substr(0, text.find(' '));
    if (const auto duration = policy::parse_duration(word))
        require(policy::parse_duration(policy::duration_text(*duration)) == duration,
                "a duration does not read back from its text");
    if (const auto network = policy::Network::parse(word)) {
        const auto address = tcp::Address::parse(word.substr(0, word.find('/')));
        require(address.has_value(), "a network without an address");
        require(network->contains(*address), "a network does not contain its own address");
    }
}

}  // namespace
}  // namespace finwait::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace finwait::fuzz;
    constexpr std::size_t kSubjects = 32;  // bytes for two of them and the purpose
    Input head(data, std::min(size, kSubjects));
    Input in(data, size);
    static_cast<void>(in.bytes(kSubjects));
    const std::string_view text = in.text();
    const auto purpose = static_cast<Purpose>(head.below(3));
    const finwait::policy::Subject subject = some_subject(head);
    check_words(text);
    const auto result = Filter::parse(text, purpose);
    if (const auto* error = std::get_if<FilterError>(&result)) {
        check_error(text, *error);
        return 0;
    }
    const Filter& filter = *parsed(result);
    require(filter.text() == text, "a filter has another text than was read");
    require(parsed(Filter::parse(text)) != nullptr, "a query may say less than a policy");
    const bool matches = filter.matches(subject);
    check_wrapped(text, matches, subject);
    check_terms(filter, subject);
    check_lasting(filter, subject, head);
    return 0;
}
