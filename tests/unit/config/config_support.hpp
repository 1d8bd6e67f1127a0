// Configurations from text, and their errors as lines.
#pragma once

#include "config/load.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

namespace finwait::config {

inline Settings settings(const Result& result) {
    if (const auto* errors = std::get_if<std::vector<Error>>(&result)) {
        for (const auto& error : *errors)
            ADD_FAILURE() << error.text();
        return {};
    }
    return std::get<Settings>(result);
}

inline Settings settings(std::string_view toml) {
    return settings(parse(toml, "test.toml"));
}

inline std::vector<std::string> errors(const Result& result) {
    std::vector<std::string> lines;
    if (const auto* errors = std::get_if<std::vector<Error>>(&result)) {
        for (const auto& error : *errors)
            lines.push_back(error.text());
    }
    return lines;
}

inline std::vector<std::string> errors(std::string_view toml) {
    return errors(parse(toml, "test.toml"));
}

}  // namespace finwait::config
