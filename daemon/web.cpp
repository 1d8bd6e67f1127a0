// The status page and the metrics: where they are served, and that their readers are left alone.
#include "config/listen.hpp"
#include "daemon.hpp"

namespace finwait::daemon {

bool Daemon::open_web() {
    auto context = std::make_shared<control::Context>();
    context->shards = handles();
    context->hooks = hooks();
    web_.emplace(control_io_, std::move(context));
    const std::optional<std::string> problem = serve(settings_.metrics);
    if (problem) logger_->error("{}", *problem);
    return !problem;
}

std::optional<std::string> Daemon::serve(const config::Metrics& metrics) {
    const std::optional<web::Place> place = config::parse_listen(metrics.listen);
    const bool moved = place != web_->place();
    std::vector<std::string> notes;
    const std::vector<std::string> names =
        config::parse_names(metrics.names).value_or(std::vector<std::string>());
    const std::optional<std::string> problem = web_->listen(place, names, settings_.control.group, notes);
    for (const std::string& note : notes)
        logger_->warn("{}", note);
    if (problem || !moved) return problem;
    if (place && web::is_public(*place))
        logger_->warn(
            "metrics.listen: {} can be reached from elsewhere, and asks for no password: whoever reaches it "
            "may read "
            "which connections there are. Let the firewall admit only those who may, or listen on 127.0.0.1",
            metrics.listen);
    if (place)
        logger_->info("metrics and the status page are served at {}", web::text(*place));
    else
        logger_->info("metrics are no longer served");
    return problem;
}

/// A filter: what the operator spares, and whoever reads from our own listener.
std::string Daemon::spared() const {
    const std::string& spare = settings_.intercept.spare;
    const auto* end = web_ && web_->place() ? std::get_if<tcp::Endpoint>(&*web_->place()) : nullptr;
    if (end == nullptr) return spare;
    std::string readers = "port " + std::to_string(end->port);
    const bool any_address =
        end->address == *tcp::Address::parse("0.0.0.0") || end->address == tcp::Address();
    if (!any_address) readers += " and server " + end->address.text();
    return spare.empty() ? readers : "(" + spare + ") or (" + readers + ")";
}

}  // namespace finwait::daemon
