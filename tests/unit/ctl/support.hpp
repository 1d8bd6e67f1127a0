// What tests of finwaitctl share: an Output that can be read back, and flows as the daemon sends them.
#pragma once

#include "ctl/output.hpp"

#include <cstdio>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace finwait::ctl::test {

/// An Output into a temporary file.
class Captured {
  public:
    Captured() : file_(std::tmpfile()), output_(::fileno(file_)) {}
    Captured(const Captured&) = delete;
    Captured& operator=(const Captured&) = delete;
    ~Captured() { std::fclose(file_); }

    Output& output() { return output_; }
    std::string text() {
        output_.flush();
        const off_t size = ::lseek(::fileno(file_), 0, SEEK_END);
        std::string text(static_cast<std::size_t>(size), '\0');
        EXPECT_EQ(::pread(::fileno(file_), text.data(), text.size(), 0), size);
        return text;
    }

  private:
    std::FILE* file_;
    Output output_;
};

inline nlohmann::json half_closed_flow(std::string_view client = "10.99.1.2",
                                       std::string_view server = "10.99.2.2") {
    return {{"id", "3f2a-17"},
            {"client", {{"addr", client}, {"port", 40312}, {"state", "fin-wait-2"}}},
            {"server", {{"addr", server}, {"port", 80}, {"state", "close-wait"}}},
            {"closer", "client"},
            {"age_s", 71.2},
            {"idle_s", 33.0},
            {"policy", "default"},
            {"expires_in_s", 267.0},
            {"phase", "watching"},
            {"adopted", false},
            {"fast_path", false}};
}

inline std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::size_t begin = 0;
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
        lines.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return lines;
}

}  // namespace finwait::ctl::test
