#include "ctl/check.hpp"

#include "config/load.hpp"
#include "ctl/json_array.hpp"

#include <nlohmann/json.hpp>

namespace finwait::ctl {

ExitCode check_config(const std::string& file, bool json, Output& out, Output& err) {
    const config::Result result = config::load(file);
    const auto* errors = std::get_if<std::vector<config::Error>>(&result);
    JsonArray array(out);
    if (errors != nullptr) {
        for (const config::Error& error : *errors) {
            if (json) {
                const nlohmann::json object{{"file", error.file},
                                            {"line", error.line},
                                            {"column", error.column},
                                            {"message", error.message}};
                array.add(object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
            } else {
                err.write(error.illustrated() + "\n");
            }
        }
    }
    if (json) array.finish();
    if (errors == nullptr && !json) out.write(file + ": valid\n");
    return errors == nullptr ? ExitCode::done : ExitCode::bad_input;
}

}  // namespace finwait::ctl
