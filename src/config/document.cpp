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
                   "not valid TOML: " + std::string(error.description()));
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
