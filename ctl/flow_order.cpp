#include "ctl/flow_order.hpp"

#include "ctl/answers.hpp"
#include "tcp/address.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace finwait::ctl {

FlowOrder::FlowOrder(std::string_view by, std::optional<std::size_t> limit)
    : field_(field_sorted_by(by.substr(by.starts_with('-') ? 1 : 0))),
      descending_(by.starts_with('-')),
      limit_(limit) {}

FlowOrder::Entry FlowOrder::entry_of(std::string_view text) {
    Entry entry;
    entry.arrival = arrivals_++;
    const nlohmann::json flow = parse_object(text);
    const nlohmann::json& value = value_of(flow, field_);
    if (field_.kind == FieldKind::number) {
        entry.known = value.is_number();
        if (entry.known) entry.number = value.get<double>();
    } else if (value.is_string()) {
        entry.known = true;
        entry.text = value.get<std::string>();
    }
    if (field_.kind == FieldKind::address) {
        const auto address = tcp::Address::parse(entry.text);
        entry.known = address.has_value();
        if (address) entry.text.assign(address->bytes().begin(), address->bytes().end());
    }
    return entry;
}

bool FlowOrder::before(const Entry& a, const Entry& b) const {
    if (a.known != b.known) return a.known;
    const Entry& less = descending_ ? b : a;
    const Entry& more = descending_ ? a : b;
    if (less.number != more.number) return less.number < more.number;
    if (less.text != more.text) return less.text < more.text;
    return a.arrival < b.arrival;
}

void FlowOrder::add(std::string_view text) {
    const auto in_order = [this](const Entry& a, const Entry& b) { return before(a, b); };
    Entry entry = entry_of(text);
    if (limit_ && entries_.size() == *limit_) {
        if (!before(entry, entries_.front())) return;
        std::pop_heap(entries_.begin(), entries_.end(), in_order);
        entries_.pop_back();
    }
    entry.json = text;
    entries_.push_back(std::move(entry));
    if (limit_) std::push_heap(entries_.begin(), entries_.end(), in_order);
}

void FlowOrder::take(const std::function<void(std::string_view text)>& each) {
    std::sort(entries_.begin(), entries_.end(),
              [this](const Entry& a, const Entry& b) { return before(a, b); });
    for (const Entry& entry : std::exchange(entries_, {}))
        each(entry.json);
}

}  // namespace finwait::ctl
