#include "ctl/check.hpp"

#include "config/load.hpp"
#include "ctl/json_array.hpp"
#include "machine/missing.hpp"

#include <nlohmann/json.hpp>

namespace finwait::ctl {
namespace {

nlohmann::json object_of(const config::Error& error) {
    return {{"file", error.file}, {"line", error.line}, {"column", error.column}, {"message", error.message}};
}

void print_warnings(const config::Checked& checked, Output& err) {
    for (const config::Error& warning : checked.warnings)
        err.write("warning: " + warning.text() + "\n");
    const auto* settings = std::get_if<config::Settings>(&checked.result);
    if (settings == nullptr) return;
    for (const machine::Finding& finding : machine::missing(*settings, machine::inventory()))
        err.write("warning: " + finding.what + " To do: " + finding.advice + "\n");
}

}  // namespace

ExitCode check_config(const std::string& file, const Invocation& call, Output& out, Output& err) {
    const config::Checked checked = config::check(file);
    const auto* errors = std::get_if<std::vector<config::Error>>(&checked.result);
    print_warnings(checked, err);
    if (call.json) {
        JsonArray array(out, call.pretty);
        if (errors != nullptr)
            for (const config::Error& error : *errors)
                array.add(object_of(error).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
        array.finish();
    } else if (errors != nullptr) {
        for (const config::Error& error : *errors)
            err.write(error.illustrated() + "\n");
    } else {
        for (const std::string& read : checked.files)
            out.write(read + ": valid\n");
    }
    return errors == nullptr ? ExitCode::done : ExitCode::bad_input;
}

}  // namespace finwait::ctl
