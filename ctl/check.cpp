#include "ctl/check.hpp"

#include "config/load.hpp"
#include "ctl/json_array.hpp"

#include <nlohmann/json.hpp>

namespace finwait::ctl {

ExitCode check_config(const std::string& file, const Invocation& call, Output& out, Output& err) {
    const config::Result result = config::load(file);
    const auto* errors = std::get_if<std::vector<config::Error>>(&result);
    JsonArray array(out, call.pretty);
    if (errors != nullptr) {
        for (const config::Error& error : *errors) {
            if (call.json) {
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
    if (call.json) array.finish();
    if (errors == nullptr && !call.json) out.write(file + ": valid\n");
    return errors == nullptr ? ExitCode::done : ExitCode::bad_input;
}

}  // namespace finwait::ctl
