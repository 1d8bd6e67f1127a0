#include "config/document.hpp"

#include "config/regular_file.hpp"

#include <algorithm>
#include <system_error>
#include <tuple>
#include <utility>

namespace finwait::config {
namespace {

// A configuration is a few kilobytes; this keeps a path that leads elsewhere from filling the memory.
constexpr std::size_t kMaxFileSize = std::size_t{1} << 20;

std::string_view line_of(std::string_view text, std::size_t number) {
    for (std::size_t line = 1; line < number; ++line) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos) return {};
        text.remove_prefix(end + 1);
    }
    return text.substr(0, text.find_first_of("\r\n"));
}

/// What stands behind the line's first "=".
std::string_view value_in(std::string_view line) {
    constexpr std::string_view kBlank = " \t";
    const std::size_t equals = line.find('=');
    const std::size_t begin = equals == line.npos ? line.npos : line.find_first_not_of(kBlank, equals + 1);
    return begin == line.npos ? std::string_view() : line.substr(begin);
}

bool lacks_quote(std::string_view value) {
    if (value.empty() || value.front() == '#') return false;
    if (value.front() == '"' || value.front() == '\'') return value.find(value.front(), 1) == value.npos;
    if (value.front() == '[' || value.front() == '{') return false;
    if (value.starts_with("true") || value.starts_with("false")) return false;
    const auto belongs_to_text = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' || c == '.' || c == ':';
    };
    const std::string_view without_comment = value.substr(0, value.find('#'));
    return std::any_of(without_comment.begin(), without_comment.end(), belongs_to_text);
}

/// What may be wrong with the line that is not TOML; nothing where it is no missing quote.
std::string_view hint(std::string_view toml, std::size_t line) {
    if (!lacks_quote(value_in(line_of(toml, line)))) return {};
    return "; is a quote missing? text stands in quotes, as in mode = \"observe\"";
}

}  // namespace

void Errors::add(const Place& place, std::string message, std::string excerpt) {
    errors_.push_back({place.document->order,
                       {place.document->name, place.position.line, place.position.column, std::move(message),
                        std::move(excerpt)}});
}

void Errors::add(const Document& document, std::string message) {
    errors_.push_back({document.order, {document.name, 0, 0, std::move(message)}});
}

std::vector<Error> Errors::take() {
    const auto place = [](const Ordered& e) { return std::tie(e.file, e.error.line, e.error.column); };
    std::stable_sort(errors_.begin(), errors_.end(),
                     [&](const Ordered& a, const Ordered& b) { return place(a) < place(b); });
    std::vector<Error> sorted;
    for (auto& ordered : errors_)
        sorted.push_back(std::move(ordered.error));
    errors_.clear();
    return sorted;
}

void parse_text(std::string_view toml, Document& document, Errors& errors) {
    try {
        document.root = toml::parse(toml, document.name);
    } catch (const toml::parse_error& error) {
        errors.add(Place{&document, error.source().begin},
                   "not valid TOML: " + std::string(error.description()) +
                       std::string(hint(toml, error.source().begin.line)));
    }
}

void parse_file(Document& document, Errors& errors) {
    const Content content = read_regular_file(document.name, kMaxFileSize);
    if (!content.problem.empty()) return errors.add(document, "cannot be read: " + content.problem);
    parse_text(content.text, document, errors);
}

std::vector<std::filesystem::path> drop_ins(const std::filesystem::path& file, const Document& main_document,
                                            Errors& errors) {
    std::vector<std::filesystem::path> found;
    const auto directory = file.parent_path() / "conf.d";
    std::error_code error;
    for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error)) {
        const auto name = entry->path().filename().string();
        if (entry->path().extension() == ".toml" && !name.starts_with('.')) found.push_back(entry->path());
    }
    if (error && error != std::errc::no_such_file_or_directory) {
        errors.add(Document{directory.string(), main_document.order + 1, {}},
                   "cannot be read: " + error.message());
    }
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace finwait::config
