// One configuration file as TOML, and the errors found in it and its like.
#pragma once

#include "config/load.hpp"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

namespace finwait::config {

struct Document {
    std::string name;
    std::size_t order = 0;  // among the files of one configuration
    toml::table root;
};

/// A place in one of the files, for an error to point at.
struct Place {
    const Document* document = nullptr;
    toml::source_position position;
};

class Errors {
  public:
    void add(const Place& place, std::string message, std::string excerpt = {});
    /// For what has no line: a file that cannot be read.
    void add(const Document& document, std::string message);

    [[nodiscard]] bool empty() const { return errors_.empty(); }
    /// All of them, by file, line and column.
    [[nodiscard]] std::vector<Error> take();

  private:
    struct Ordered {
        std::size_t file;
        Error error;
    };
    std::vector<Ordered> errors_;
};

/// Reads text into document.root; says so in `errors` when it is not TOML.
void parse_text(std::string_view toml, Document& document, Errors& errors);
/// The same for the file that document.name names.
void parse_file(Document& document, Errors& errors);

/// The conf.d/*.toml beside `file`, by name. No directory is no files.
[[nodiscard]] std::vector<std::filesystem::path> drop_ins(const std::filesystem::path& file,
                                                          const Document& main_document, Errors& errors);

}  // namespace finwait::config
