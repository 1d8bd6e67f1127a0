// Documents to settings: which key goes where, what contradicts what. First the top level of every document,
// because the profile is what [timeouts] begins with; then the tables of every document, and then the
// policies of every document, because a policy inherits from [timeouts] as finally in force.
#pragma once

#include "config/document.hpp"
#include "config/keys.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace finwait::config {

class Reader {
  public:
    Reader(Settings& settings, Errors& errors) : settings_(settings), errors_(errors) {}

    void read(std::span<const Document> documents);
    /// What is no error and still can hardly be meant. REQUIRES: read() has found no error.
    void warn(Errors& warnings) const;

  private:
    void warn_of_policies(Errors& warnings) const;

    /// What the keys of a table were given, for the checks that concern more than one key.
    struct Given {
        std::map<std::string, Place, std::less<>> places;
        std::set<std::string, std::less<>> wrong;  // reported already: their value in force proves nothing
    };

    void read_top_level(const Document& document);
    void read_tables(const Document& document);
    /// With a profile that is none, what it would have set proves nothing.
    void distrust_preset();
    void fit_probes();
    void read_policies(const Document& document);
    void read_policy(const Document& document, const toml::table& table);
    [[nodiscard]] std::string read_policy_name(const Document& document, const toml::table& table);
    [[nodiscard]] policy::Filter read_policy_match(const Document& document, const toml::table& table);
    [[nodiscard]] policy::Filter read_filter(const Document& document, const toml::value<std::string>& text,
                                             const std::string& key);
    [[nodiscard]] std::uint16_t read_policy_priority(const Document& document, const toml::table& table);

    /// Reads what `keys` name out of `table`; `others` are keys that the caller reads.
    template<class Table>
    void read_keys(const Document& document, const toml::table& table, const std::string& path,
                   std::span<const Key<Table>> keys, std::span<const std::string_view> others, Table& into,
                   Given& given);

    void check_queues();
    void check_pressure();
    void check_audit();
    void check_sockets();
    void check_half_closed(const std::string& path, const policy::Timeouts& timeouts, const Given& given);

    Settings& settings_;
    Errors& errors_;
    Given given_;                                         // by dotted key
    std::map<std::string, Place, std::less<>> policies_;  // by name
};

}  // namespace finwait::config
