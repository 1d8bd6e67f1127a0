#include "ctl/json_array.hpp"

#include <nlohmann/json.hpp>

namespace finwait::ctl {

std::string indented(std::string_view json) {
    using Json = nlohmann::ordered_json;  // members stay in the documented order
    const Json value = Json::parse(json, nullptr, false);
    return value.is_discarded() ? std::string(json)
                                : value.dump(2, ' ', false, Json::error_handler_t::replace);
}

void JsonArray::add(std::string_view json) {
    out_.write(open_ ? ",\n" : "[\n");
    if (pretty_)
        out_.write(indented(json));
    else
        out_.write(json);
    open_ = true;
}

void JsonArray::finish() {
    out_.write(open_ ? "\n]\n" : "[]\n");
}

}  // namespace finwait::ctl
