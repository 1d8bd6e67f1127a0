// Gives a fuzz target the files that are named, and those in directories that are named: the corpus as a
// test, without a fuzzer.
#include "input.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files(std::span<char* const> names) {
    std::vector<fs::path> all;
    for (const char* name : names) {
        if (!fs::is_directory(name)) {
            all.emplace_back(name);
            continue;
        }
        for (const fs::directory_entry& entry : fs::directory_iterator(name))
            all.push_back(entry.path());
    }
    std::ranges::sort(all);
    return all;
}

}  // namespace

int main(int count, char** arguments) {
    const std::vector<fs::path> all = files(std::span(arguments, static_cast<std::size_t>(count)).subspan(1));
    for (const fs::path& file : all) {
        std::ifstream in(file, std::ios::binary);
        const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
        // On the heap and no larger, so that a read beyond it is seen; stderr says which file it was.
        const auto exact = std::make_unique<std::uint8_t[]>(bytes.size());
        std::ranges::transform(bytes, exact.get(), [](char c) { return static_cast<std::uint8_t>(c); });
        std::fprintf(stderr, "%s\n", file.c_str());
        LLVMFuzzerTestOneInput(exact.get(), bytes.size());
    }
    std::printf("%zu inputs\n", all.size());
    return all.empty() ? 1 : 0;
}
