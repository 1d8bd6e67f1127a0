#include "shard/egress.hpp"

#include "egress/drive.hpp"
#include "host/memory_reserve.hpp"
#include "shard/clock.hpp"

#include <new>
#include <vector>

namespace finwait::shard {
namespace {

using egress::Answer;
using egress::Problem;

const std::string kHeldBack = "probes and resets are held back, because nobody knows their addresses: ";
const std::string kUnproven =
    "probes and resets are held back, because nothing has been heard of their connections since routing "
    "rules "
    "were read that may concern them (finwaitctl check --system names these)";
const std::string kRefused =
    "the kernel refuses to send probes or resets: there is no route, or a rule in OUTPUT drops them (they "
    "carry "
    "mark_mask as packet mark, and conntrack calls them UNTRACKED)";
const std::string kQueueFull =
    "this machine's own queue (qdisc) is full and has dropped probes or resets: they are sent again later "
    "(\"tc -s qdisc\" shows which one)";

egress::Destroyed destroyed(host::Ended ended) {
    switch (ended) {
        case host::Ended::no: break;
        case host::Ended::alone: return egress::Destroyed::alone;
        case host::Ended::with_rst: return egress::Destroyed::with_rst;
    }
    return egress::Destroyed::no;
}

void set(std::atomic<std::uint64_t>& counter, std::uint64_t value) {
    counter.store(value, std::memory_order_relaxed);
}

}  // namespace

void EgressCounts::set(const egress::Counts& counts) {
    shard::set(translated, counts.translated);
    shard::set(no_entry, counts.no_entry);
    shard::set(not_sent, counts.not_sent);
    shard::set(refused, counts.refused);
    shard::set(queue_full, counts.queue_full);
    shard::set(ended, counts.ended);
}

/// One action at a time.
class Egress::Performer {
  public:
    explicit Performer(Egress& egress) : e_(egress) {}

    Answer operator()(const egress::Action& action) const {
        return std::visit([this](const auto& a) { return perform(a); }, action);
    }

  private:
    Answer perform(const egress::FindEntry& a) const {
        return entry(e_.conntrack_->find(a.source, a.destination));
    }
    Answer perform(const egress::ReadEntry& a) const { return entry(e_.conntrack_->look(a.connection)); }
    Answer perform(const egress::CheckTable&) const { return egress::Table{e_.conntrack_->empty()}; }
    Answer perform(const egress::ScanTable& a) const {
        e_.scan_.add(a.source, a.destination);
        return egress::Done{};
    }
    Answer perform(const egress::MarkEntry& a) const {
        if (auto error = e_.conntrack_->mark(a.connection, a.mask)) return failed(std::move(*error));
        return egress::Done{};
    }
    Answer perform(const egress::QuerySocket& a) const {
        auto answer = e_.sockets_->find(a.local, a.remote);
        if (auto* error = std::get_if<host::SocketError>(&answer)) {
            e_.sockets_error_ = std::move(error->message);
            return egress::Failed{};
        }
        e_.socket_ = std::get<std::optional<host::Socket>>(answer);
        if (!e_.socket_) return egress::NoSocket{};
        return egress::Socket{e_.socket_->state, e_.socket_->orphaned, e_.socket_->device != 0};
    }
    Answer perform(const egress::DestroySocket& a) const {
        return destroyed(e_.sockets_->end(a.local, a.remote, *e_.socket_));
    }
    /// Untracked segments leave by the injector that was there from the start.
    Answer perform(const egress::Transmit& a) const {
        inject::Injector& by = a.path == egress::Path::tracked ? *e_.tracked_ : e_.injector_;
        by.add(a.out.segment, a.out.shown.address, a.out.as_made());
        return egress::Done{};
    }
    Answer perform(const engine::Notice& notice) const {
        return egress::Told{engine::deliver(e_.engine_, monotonic_now(), notice)};
    }

    Answer entry(std::variant<std::optional<flow::Translation>, netfilter::ConntrackError> answer) const {
        if (auto* error = std::get_if<netfilter::ConntrackError>(&answer)) return failed(std::move(*error));
        const auto& found = std::get<std::optional<flow::Translation>>(answer);
        return found ? Answer(*found) : Answer(egress::NoEntry{});
    }
    Answer failed(netfilter::ConntrackError error) const {
        e_.conntrack_error_ = std::move(error.message);
        return egress::Failed{};
    }

    Egress& e_;
};

void Egress::translate(netfilter::Conntrack conntrack, inject::Injector tracked, Complain complain) {
    conntrack_ = std::move(conntrack);
    tracked_ = std::move(tracked);
    complain_ = std::move(complain);
    machine_.translate();
    scan_.prepare();
}

void Egress::know_own_sockets(host::Sockets sockets, Complain complain) {
    machine_.know_own_sockets(sockets.can_end());
    sockets_ = std::move(sockets);
    complain_ = std::move(complain);
}

void Egress::carry_out(Instant now, egress::Machine::Actions actions) {
    try {
        egress::drive(machine_, now, actions, Performer(*this));
    } catch (const std::bad_alloc&) {
        egress::drive(machine_, now, machine_.abandon(), Performer(*this));
        counts_.set(machine_.counts());
        throw;
    }
    counts_.set(machine_.counts());
}

void Egress::note_half_closed(Instant now, const engine::Event& event) {
    carry_out(now, machine_.note_half_closed(now, event));
}

void Egress::send(Instant now, const engine::Send& order) {
    carry_out(now, machine_.send(now, order));
}

void Egress::send_as_they_are(Instant now, std::span<const egress::OutgoingSegment> segments) {
    for (const auto& [segment, shown] : segments)
        injector_.add(segment, shown.address, {});  // whatever becomes of it, it is no flow's
    flush(now);
}

/// A search that has ended: flows wait for it, so that one segment without memory keeps no other back.
void Egress::release(const NatScan::Result& result) {
    const Instant now = monotonic_now();
    for (;;) {
        const auto actions = machine_.release(now, result.wanted, result.error.has_value());
        if (actions.empty()) break;
        try {
            carry_out(now, actions);
        } catch (const std::bad_alloc&) {
            host::note_no_memory();
        }
    }
    if (result.error) conntrack_error_ = result.error->message;
    flush(now);
}

void Egress::note_unsent(Instant now, inject::Injector& injector) {
    for (const auto& [segment, reason] : injector.take_unsent()) {
        const bool full = reason == inject::Reason::queue_full;
        const auto why = full ? egress::Refusal::queue_full : egress::Refusal::refused;
        carry_out(now, machine_.not_sent(segment, why));
    }
}

/// What is told in the log comes last: there may be no memory for it.
void Egress::flush(Instant now) {
    injector_.flush();
    if (tracked_) tracked_->flush();
    note_unsent(now, injector_);
    if (tracked_) note_unsent(now, *tracked_);
    const auto problem = machine_.end_burst(now);
    scan_.start();
    if (problem) complain(*problem);
}

void Egress::complain(Problem problem) const {
    if (!complain_) return;
    switch (problem) {
        case Problem::names_unknown: return complain_(kHeldBack + conntrack_error_);
        case Problem::sockets_unknown: return complain_(sockets_error_);
        case Problem::unproven: return complain_(kUnproven);
        case Problem::queue_full: return complain_(kQueueFull);
        case Problem::refused: return complain_(kRefused);
    }
}

}  // namespace finwait::shard
