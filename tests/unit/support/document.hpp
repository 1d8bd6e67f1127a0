// Documents that are made from the code's own tables, so that they cannot rot. FINWAITD_WRITE_DOCS=1 writes
// them anew.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

namespace finwait::testing {

inline void expect_document(const std::string& name, const std::string& expected) {
    const auto path = std::filesystem::path(__FILE__).parent_path() / "../../../docs" / name;
    if (std::getenv("FINWAITD_WRITE_DOCS") != nullptr) std::ofstream(path) << expected;
    std::ifstream file(path);
    ASSERT_TRUE(file) << path << " is missing; FINWAITD_WRITE_DOCS=1 writes it";
    std::stringstream found;
    found << file.rdbuf();
    EXPECT_EQ(found.str(), expected)
        << "the table has changed; FINWAITD_WRITE_DOCS=1 writes the document anew";
}

}  // namespace finwait::testing
