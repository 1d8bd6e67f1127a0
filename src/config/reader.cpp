#include "config/reader.hpp"

#include "config/cpus.hpp"
#include "config/profile.hpp"
#include "config/regular_file.hpp"
#include "config/value.hpp"
#include "policy/words.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <utility>
#include <variant>

namespace finwait::config {
namespace {

constexpr std::array<std::string_view, 3> kPolicyKeys = {"name", "match", "priority"};
constexpr std::string_view kPolicyNameAllowed =
    "a name of its own: 1 to 32 letters, digits, \"_\", \".\" and \"-\", and not \"default\"";

std::string dotted(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : path + '.' + std::string(name);
}

// A key as it would be written in TOML: quoted when it is not a bare key.
std::string key_text(std::string_view key) {
    const bool bare = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '-';
    });
    return bare ? std::string(key) : policy::in_quotes(key);
}

/// "; it belongs under [timeouts]", of a key that stands in a table which does not know it; nothing where
/// none does.
std::string where_it_belongs(std::string_view name) {
    if (std::ranges::find(root_keys(), name, &Key<Settings>::name) != root_keys().end())
        return "; it belongs at the top of the file, before the first [table]";
    std::string found;
    for_each_table([&](std::string_view table, auto keys, auto) {
        for (const auto& key : keys)
            if (key.name == name) found = "; it belongs under [" + std::string(table) + "]";
    });
    if (found.empty() && std::ranges::find(kPolicyKeys, name) != kPolicyKeys.end())
        return "; it belongs under [[policy]]";
    return found;
}

std::string complaint(const std::string& key, const std::string& found, std::string_view allowed) {
    return key + ": found " + found + "; allowed: " + std::string(allowed);
}

Place place_of(const Document& document, const toml::node& node) {
    return {&document, node.source().begin};
}

std::string duration_string(Duration d) {
    return policy::in_quotes(policy::duration_text(d));
}

}  // namespace

template<class Table>
void Reader::read_keys(const Document& document, const toml::table& table, const std::string& path,
                       std::span<const Key<Table>> keys, std::span<const std::string_view> others,
                       Table& into, Given& given) {
    auto known = names(keys);
    known.insert(known.begin(), others.begin(), others.end());
    for (const auto& [name, node] : table) {
        const auto key = std::ranges::find(keys, name.str(), &Key<Table>::name);
        if (key == keys.end()) {
            if (std::find(others.begin(), others.end(), name.str()) != others.end()) continue;
            std::string elsewhere = where_it_belongs(name.str());
            if (path == "policy" && name.str() == "mode")
                elsewhere += "; for one policy say on_expiry = \"observe\"";
            errors_.add({&document, name.source().begin},
                        complaint(dotted(path, key_text(name)), "an unknown key", policy::listed(known)) +
                            (elsewhere.empty() ? policy::suggestion(name, known) : elsewhere));
            continue;
        }
        const auto full_name = dotted(path, name);
        if (key->read(node, into)) {
            given.places[full_name] = place_of(document, node);
            continue;
        }
        given.wrong.insert(full_name);
        const auto* text = node.as_string();
        if (text && key->is_filter) {
            static_cast<void>(read_filter(document, *text, full_name));
            continue;
        }
        errors_.add(place_of(document, node), complaint(full_name, describe(node), key->allowed) +
                                                  (text ? policy::suggestion(text->get(), key->words) : ""));
    }
}

void Reader::read(std::span<const Document> documents) {
    for (const auto& document : documents)
        read_top_level(document);
    settings_.timeouts = preset(settings_.profile);
    for (const auto& document : documents)
        read_tables(document);
    distrust_preset();
    fit_probes();
    check_queues();
    check_pressure();
    check_audit();
    check_sockets();
    check_half_closed("timeouts", settings_.timeouts, given_);
    for (const auto& document : documents)
        read_policies(document);
    std::ranges::stable_sort(settings_.policies, std::greater<>{}, &policy::Policy::priority);
}

void Reader::read_top_level(const Document& document) {
    std::vector<std::string_view> tables;
    for_each_table([&](std::string_view name, auto, auto) { tables.push_back(name); });
    tables.emplace_back("policy");
    read_keys(document, document.root, "", root_keys(), tables, settings_, given_);
}

void Reader::read_tables(const Document& document) {
    for_each_table([&](std::string_view name, auto keys, auto member) {
        const auto* node = document.root.get(name);
        if (!node) return;
        if (const auto* table = node->as_table()) {
            return read_keys(document, *table, std::string(name), keys, {}, settings_.*member, given_);
        }
        errors_.add(place_of(document, *node), complaint(std::string(name), describe(*node), "a table"));
    });
}

void Reader::distrust_preset() {
    if (!given_.wrong.contains("profile")) return;
    for (const std::string name : {"timeouts.fin_wait_2", "timeouts.fin_wait_2_max"})
        if (!given_.places.contains(name)) given_.wrong.insert(name);
}

/// Both sides of a connection are probed before it is reset.
void Reader::fit_probes() {
    if (given_.places.contains("limits.probes_per_second")) return;
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
    Limits& limits = settings_.limits;
    limits.probes_per_second =
        static_cast<std::uint32_t>(std::min(std::uint64_t{2} * limits.resets_per_second, kMost));
}

void Reader::read_policies(const Document& document) {
    constexpr std::string_view kAllowed = "tables, each headed [[policy]]";
    const auto* node = document.root.get("policy");
    if (!node) return;
    const auto* policies = node->as_array();
    if (!policies)
        return errors_.add(place_of(document, *node), complaint("policy", describe(*node), kAllowed));
    for (const auto& element : *policies) {
        if (const auto* table = element.as_table()) {
            read_policy(document, *table);
        } else {
            errors_.add(place_of(document, element), complaint("policy", describe(element), kAllowed));
        }
    }
}

void Reader::read_policy(const Document& document, const toml::table& table) {
    policy::Policy policy;
    policy.name = read_policy_name(document, table);
    policy.match = read_policy_match(document, table);
    policy.priority = read_policy_priority(document, table);
    policy.timeouts = settings_.timeouts;
    Given given;
    read_keys(document, table, "policy", timeouts_keys(), kPolicyKeys, policy.timeouts, given);
    for (const std::string name : {"fin_wait_2", "fin_wait_2_max"}) {
        if (given_.wrong.contains("timeouts." + name) && !given.places.contains("policy." + name)) {
            given.wrong.insert("policy." + name);
        }
    }
    check_half_closed("policy", policy.timeouts, given);
    if (settings_.policies.size() == policy::PolicySet::kMaxNamed) {
        errors_.add(place_of(document, table),
                    complaint("policy", "one policy too many",
                              "at most " + std::to_string(policy::PolicySet::kMaxNamed)));
        return;
    }
    settings_.policies.push_back(std::move(policy));
}

std::string Reader::read_policy_name(const Document& document, const toml::table& table) {
    const auto* node = table.get("name");
    if (!node) {
        errors_.add(place_of(document, table), complaint("policy.name", "nothing", kPolicyNameAllowed));
        return {};
    }
    const auto name = node->value_exact<std::string>();
    if (!name || !policy::is_policy_name(*name) || *name == policy::kDefaultName) {
        errors_.add(place_of(document, *node), complaint("policy.name", describe(*node), kPolicyNameAllowed));
        return {};
    }
    const auto [first, is_new] = policies_.emplace(*name, place_of(document, *node));
    if (!is_new) {
        const auto& place = first->second;
        errors_.add(place_of(document, *node),
                    complaint("policy.name",
                              describe(*node) + ", which is taken at " + place.document->name + ':' +
                                  std::to_string(place.position.line),
                              kPolicyNameAllowed));
    }
    return *name;
}

policy::Filter Reader::read_policy_match(const Document& document, const toml::table& table) {
    constexpr std::string_view kAllowed = "a string with a filter such as \"server 10.0.0.0/8 and port 443\"";
    const auto* node = table.get("match");
    if (!node || !node->is_string()) {
        errors_.add(place_of(document, node ? *node : table),
                    complaint("policy.match", node ? describe(*node) : "nothing", kAllowed));
        return {};
    }
    return read_filter(document, *node->as_string(), "policy.match");
}

/// A filter that is wrong is shown with the place in it.
policy::Filter Reader::read_filter(const Document& document, const toml::value<std::string>& text,
                                   const std::string& key) {
    auto parsed = policy::Filter::parse(text.get(), policy::Purpose::policy_match);
    if (const auto* error = std::get_if<policy::FilterError>(&parsed)) {
        errors_.add({&document, position_in(text, error->column)}, key + ": " + error->message,
                    policy::pointed_at(text.get(), error->column));
        return {};
    }
    return std::get<policy::Filter>(std::move(parsed));
}

std::uint16_t Reader::read_policy_priority(const Document& document, const toml::table& table) {
    const auto* node = table.get("priority");
    if (!node) return 0;
    const auto priority = node->value_exact<std::int64_t>();
    if (priority && *priority >= 0 && *priority <= policy::kMaxPriority)
        return static_cast<std::uint16_t>(*priority);
    errors_.add(place_of(document, *node),
                complaint("policy.priority", describe(*node),
                          "an integer from 0 to " + std::to_string(policy::kMaxPriority)));
    return 0;
}

void Reader::check_audit() {
    const auto place = given_.places.find("log.audit");
    if (place == given_.places.end() || settings_.log.audit.empty()) return;
    const std::string obstacle = obstacle_to_file(settings_.log.audit);
    if (obstacle.empty()) return;
    errors_.add(place->second, complaint("log.audit", "the string " + policy::in_quotes(settings_.log.audit),
                                         "a file that can be written (" + obstacle + ")"));
}

void Reader::check_sockets() {
    const auto check = [this](const std::string& key, std::string_view value, const std::string& path) {
        const auto place = given_.places.find(key);
        const std::string obstacle = place == given_.places.end() ? std::string() : obstacle_to_socket(path);
        if (!obstacle.empty())
            errors_.add(place->second, complaint(key, "the string " + policy::in_quotes(value),
                                                 "a place where a socket can be (" + obstacle + ")"));
    };
    check("control.socket", settings_.control.socket, settings_.control.socket);
    constexpr std::string_view kUnix = "unix:";
    const std::string& listen = settings_.metrics.listen;
    if (listen.starts_with(kUnix)) check("metrics.listen", listen, listen.substr(kUnix.size()));
}

void Reader::check_queues() {
    constexpr std::uint32_t kQueueNumbers = 65536;
    const auto& intercept = settings_.intercept;
    const std::uint32_t count = intercept.queues > 0 ? intercept.queues : automatic_queues(intercept.cpus);
    if (intercept.first_queue + count <= kQueueNumbers) return;
    for (const char* key : {"intercept.first_queue", "intercept.queues", "intercept.cpus"})
        if (given_.wrong.contains(key)) return;
    // Neither default can be too many alone.
    const auto first = given_.places.find("intercept.first_queue");
    if (intercept.queues == 0 && first != given_.places.end()) {
        errors_.add(first->second,
                    complaint("intercept.first_queue", "the integer " + std::to_string(intercept.first_queue),
                              "at most " + std::to_string(kQueueNumbers - count) + ", for queues = 0 makes " +
                                  std::to_string(count) +
                                  " queues here, one for each CPU (queue numbers end at 65535)"));
        return;
    }
    const auto queues = given_.places.find("intercept.queues");
    if (queues == given_.places.end()) return;
    errors_.add(queues->second,
                complaint("intercept.queues", "the integer " + std::to_string(intercept.queues),
                          "with first_queue at " + std::to_string(intercept.first_queue) + ", at most " +
                              std::to_string(kQueueNumbers - intercept.first_queue) +
                              " (queue numbers end at 65535)"));
}

void Reader::check_pressure() {
    const auto& pressure = settings_.limits.pressure;
    if (pressure.start == policy::kNoPressure || pressure.end > pressure.start) return;
    if (given_.wrong.contains("limits.adaptive_start") || given_.wrong.contains("limits.adaptive_end"))
        return;
    const auto end = given_.places.find("limits.adaptive_end");
    const auto start = given_.places.find("limits.adaptive_start");
    if (end != given_.places.end()) {
        errors_.add(end->second,
                    complaint("limits.adaptive_end", number_text(pressure.end),
                              "more than adaptive_start, which is " + number_text(pressure.start)));
    } else if (start != given_.places.end()) {
        errors_.add(start->second,
                    complaint("limits.adaptive_start", number_text(pressure.start),
                              "less than adaptive_end, which is " + number_text(pressure.end)));
    }
}

void Reader::check_half_closed(const std::string& path, const policy::Timeouts& timeouts,
                               const Given& given) {
    const auto idle = dotted(path, "fin_wait_2");
    const auto most = dotted(path, "fin_wait_2_max");
    const bool bounded = timeouts.fin_wait_2 != policy::kOff && timeouts.fin_wait_2_max != policy::kOff;
    if (!bounded || timeouts.fin_wait_2_max >= timeouts.fin_wait_2) return;
    if (given.wrong.contains(idle) || given.wrong.contains(most)) return;

    if (const auto place = given.places.find(most); place != given.places.end()) {
        errors_.add(place->second, complaint(most, "the string " + duration_string(timeouts.fin_wait_2_max),
                                             "no less than fin_wait_2, which is " +
                                                 duration_string(timeouts.fin_wait_2) + " here, or \"off\""));
    } else if (const auto other = given.places.find(idle); other != given.places.end()) {
        errors_.add(other->second, complaint(idle, "the string " + duration_string(timeouts.fin_wait_2),
                                             "no more than fin_wait_2_max, which is " +
                                                 duration_string(timeouts.fin_wait_2_max) + " here"));
    }
}

}  // namespace finwait::config
