#include "ctl/complaint.hpp"

#include "engine/report.hpp"
#include "policy/filter.hpp"
#include "policy/words.hpp"

#include <algorithm>

namespace finwait::ctl {
namespace {

/// The options of a command as they are typed: "--sort", "-r".
std::vector<std::string> options_of(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options()) {
        for (const std::string& name : option->get_lnames())
            names.push_back("--" + name);
        for (const std::string& name : option->get_snames())
            names.push_back("-" + name);
    }
    return names;
}

/// "; finwaitctl list has it", when another subcommand has this option; nothing when none has.
std::string owner_of(const CLI::App& app, const std::string& option) {
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        const std::vector<std::string> names = options_of(*command);
        if (std::find(names.begin(), names.end(), option) != names.end())
            return "; " + app.get_name() + " " + command->get_name() + " has it";
    }
    return {};
}

std::string about_option(const CLI::App& app, const CLI::App* command, const std::string& found) {
    std::vector<std::string> names = options_of(app);
    if (command != nullptr) {
        const std::vector<std::string> own = options_of(*command);
        names.insert(names.end(), own.begin(), own.end());
    }
    const std::string name = found.substr(0, found.find('='));
    const std::string what = policy::in_quotes(name) + " is no option of " + app.get_name() +
                             (command == nullptr ? "" : " " + command->get_name());
    if (const std::string owner = owner_of(app, name); !owner.empty()) return what + owner;
    if (!name.starts_with("--")) return what;  // one letter resembles every other
    const std::vector<std::string_view> known(names.begin(), names.end());
    return what + policy::suggestion(name, known);
}

/// A filter without a subcommand: "finwaitctl state fin-wait-2". To list is what finwaitctl does by itself,
/// so somebody will try.
bool begins_filter(const std::string& found) {
    const auto words = policy::filter_words();
    return std::find(words.begin(), words.end(), found) != words.end();
}

std::string about_subcommand(const CLI::App& app, const std::string& found) {
    const std::string what = policy::in_quotes(found) + " is no subcommand";
    if (begins_filter(found))
        return what + "; did you mean \"" + app.get_name() + " list " + found + " ...\"?";
    if (engine::FlowId::parse(found))
        return what + "; did you mean \"" + app.get_name() + " explain " + found + "\"?";
    if (found == "help") return what + "; did you mean \"" + app.get_name() + " --help\"?";
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
        names.push_back(command->get_name());
    const std::vector<std::string_view> known(names.begin(), names.end());
    const std::string meant = policy::suggestion(found, known);
    return what + (meant.empty() ? "; there are " + policy::listed(known) : meant);
}

/// What an operand is, for who has left it out.
std::string what_is_required(const CLI::App& command) {
    for (const CLI::Option* option : command.get_options())
        if (option->get_positional() && option->get_required()) return ": " + option->get_description();
    return {};
}

/// "finwaitctl explain takes one ID", where there are more words than that; empty when that is not it.
std::string about_number(const CLI::App& app, const CLI::App& command) {
    for (const CLI::Option* option : command.get_options()) {
        const auto most = static_cast<std::size_t>(std::max(option->get_expected_max(), 0));
        if (option->get_positional() && option->results().size() > most)
            return app.get_name() + " " + command.get_name() + " takes one " + option->get_name();
    }
    return {};
}

/// Whether `first` stands before `second` on the command line.
bool precedes(std::span<const char* const> words, const std::string& first, const std::string& second) {
    const auto is = [](const std::string& text) {
        return [&text](const char* word) { return word == text; };
    };
    return std::find_if(words.begin(), words.end(), is(first)) <
           std::find_if(words.begin(), words.end(), is(second));
}

}  // namespace

CLI::Validator one_of(std::vector<std::string_view> allowed) {
    const auto check = [allowed = std::move(allowed)](std::string& value) -> std::string {
        if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return {};
        return "found " + policy::in_quotes(value) + "; allowed: " + policy::listed(allowed) +
               policy::suggestion(value, allowed);
    };
    return CLI::Validator(check, "");
}

std::string complaint(const CLI::App& app, const CLI::ParseError& error, std::span<const char* const> words) {
    const auto given = app.get_subcommands();
    const CLI::App* const command = given.empty() ? nullptr : given.front();
    if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && command != nullptr)
        return error.what() + what_is_required(*command);
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr && command != nullptr) {
        if (std::string number = about_number(app, *command); !number.empty()) return number;
    }
    const std::vector<std::string> extras = app.remaining(true);
    if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr || extras.empty()) return error.what();
    const std::string& found = extras.front();
    if (found.size() > 1 && found.front() == '-') return about_option(app, command, found);
    if (command == nullptr || precedes(words, found, command->get_name()))
        return about_subcommand(app, found);
    return policy::in_quotes(found) + " is one word too many for " + app.get_name() + " " +
           command->get_name();
}

}  // namespace finwait::ctl
