#include "ctl/json_array.hpp"

namespace finwait::ctl {

void JsonArray::add(std::string_view json) {
    out_.write(open_ ? ",\n" : "[\n");
    out_.write(json);
    open_ = true;
}

void JsonArray::finish() {
    out_.write(open_ ? "\n]\n" : "[]\n");
}

}  // namespace finwait::ctl
