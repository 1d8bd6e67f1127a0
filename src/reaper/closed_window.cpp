// Whether data may wait at the holder for the closer's window.

#include "reaper/reaper.hpp"
#include "tcp/report.hpp"
#include "tcp/tracker.hpp"
#include "tcp/window.hpp"

namespace finwait::reaper {

namespace {

using flow::Record;
using tcp::Role;

/// A window that takes less than a full segment. Where its scale is not known the unscaled one counts.
bool opened_little(const tcp::Connection& c, Role role) {
    constexpr std::uint32_t kFullSegment = 1460;
    const tcp::Side& side = c.of(role);
    const std::uint32_t window = side.syn_seen ? tcp::scaled_window(c, role, side.window) : side.window;
    return window < kFullSegment;
}

}  // namespace

bool zero_window(const Record& record) {
    const std::optional<Role> closer = tcp::closer(record.connection);
    return closer && record.connection.of(*closer).ack_known() && record.connection.of(*closer).window == 0;
}

bool window_unknown(const Record& record) {
    const std::optional<Role> closer = tcp::closer(record.connection);
    return closer && record.connection.of(*closer).window_stale;
}

bool window_closed(const Record& record, Instant now) {
    const std::optional<Role> closer = tcp::closer(record.connection);
    if (!closer || tcp::report_open(record.connection)) return false;  // it is asked first
    if (zero_window(record) || window_unknown(record)) return true;
    const bool sent_since = record.last_progress > record.window_opened;
    const Duration wait = opened_little(record.connection, *closer) ? kAfterSmallOpening : kAfterOpening;
    return !sent_since && record.window_opened != Instant() && now < record.window_opened + wait;
}

void note_window(Record& record, bool was_closed, Instant now) {
    if (was_closed && !zero_window(record)) record.window_opened = now;
}

}  // namespace finwait::reaper
