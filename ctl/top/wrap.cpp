#include "ctl/top/wrap.hpp"

#include "ctl/text.hpp"

#include <algorithm>
#include <utility>

namespace finwait::ctl::top {

std::vector<std::string> wrapped(std::string line, std::size_t width, bool hang) {
    std::vector<std::string> lines;
    const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
    const std::string further(hang && indent + 2 < width / 2 ? indent + 2 : 0, ' ');
    std::size_t begin = std::min(indent, width);
    while (display_width(line) > width) {
        const std::size_t blank = line.rfind(' ', width);
        const bool breaks = blank != std::string::npos && blank > begin;
        const std::size_t end = breaks ? blank : width;
        lines.push_back(line.substr(0, end));
        line = further + line.substr(breaks ? end + 1 : end);
        begin = further.size();
    }
    lines.push_back(std::move(line));
    return lines;
}

}  // namespace finwait::ctl::top
