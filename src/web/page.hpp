// The status page, made into this by cmake/EmbedPage.cmake from the files in web/page.
#pragma once

#include <string_view>

namespace finwait::web {

extern const std::string_view kPage;
/// The source expressions of its style and its script for Content-Security-Policy.
extern const std::string_view kStyleHash;
extern const std::string_view kScriptHash;

}  // namespace finwait::web
