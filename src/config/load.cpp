#include "config/load.hpp"

#include "config/document.hpp"
#include "config/reader.hpp"

#include <utility>

namespace finwait::config {
namespace {

Result settings_of(std::span<const Document> documents, Errors& errors, Errors& warnings) {
    Settings settings;
    Reader reader(settings, errors);
    reader.read(documents);
    if (!errors.empty()) return errors.take();
    reader.warn(warnings);
    return settings;
}

}  // namespace

std::string Error::text() const {
    if (line == 0) return file + ": " + message;
    return file + ':' + std::to_string(line) + ':' + std::to_string(column) + ": " + message;
}

std::string Error::illustrated() const {
    return excerpt.empty() ? text() : text() + '\n' + excerpt;
}

Result load(const std::filesystem::path& file) {
    return check(file).result;
}

Checked check(const std::filesystem::path& file) {
    Errors errors;
    Errors warnings;
    std::vector<Document> documents;
    documents.push_back({file.string(), 0, {}});
    for (const auto& path : drop_ins(file, documents.front(), errors)) {
        documents.push_back({path.string(), documents.size(), {}});
    }
    for (auto& document : documents)
        parse_file(document, errors);
    Checked checked{settings_of(documents, errors, warnings), {}};
    for (const auto& document : documents)
        checked.files.push_back(document.name);
    checked.warnings = warnings.take();
    return checked;
}

Result parse(std::string_view toml, const std::string& name) {
    Errors errors;
    Errors warnings;
    Document document{name, 0, {}};
    parse_text(toml, document, errors);
    return settings_of(std::span(&document, 1), errors, warnings);
}

}  // namespace finwait::config
