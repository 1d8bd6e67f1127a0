#include "engine/engine.hpp"

#include "engine/impl.hpp"

namespace finwait::engine {

Engine::Engine(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

Verdict Engine::on_segment(Instant now, const tcp::Segment& segment, Way way) {
    return impl_->on_segment(now, segment, way);
}

void Engine::on_socket_state(Instant now, FlowId flow, const tcp::Endpoint& end, flow::Evidence evidence) {
    impl_->on_socket_state(now, flow, end, evidence);
}

void Engine::expect(std::span<const tcp::Segment> segments) {
    impl_->expect(segments);
}

void Engine::hold(Instant now, FlowId flow) {
    impl_->hold(now, flow);
}

void Engine::let_go(Instant now, FlowId flow) {
    impl_->let_go(now, flow);
}

Verdict Engine::on_unreachable(const tcp::Unreachable& error) {
    return impl_->on_unreachable(error);
}

void Engine::on_unsent(Instant now, const tcp::Segment& segment, bool counted) {
    impl_->on_unsent(now, segment, counted);
}

bool Engine::take_probes(Instant now, unsigned places) {
    return impl_->take_probes(now, places);
}

bool Engine::follows(const tcp::Unreachable& error) const {
    return impl_->follows(error);
}

void Engine::on_unparsed(tcp::ParseError) {
    ++impl_->counters.packets_seen;
    ++impl_->counters.packets_unparsed;
}

void Engine::on_loss(Instant now, std::uint64_t packets) {
    impl_->on_loss(now, packets);
}

bool Engine::on_unseen(Instant now, FlowId flow) {
    return impl_->on_unseen(now, flow);
}

void Engine::on_ambiguous(FlowId flow, flow::Ambiguity ambiguity) {
    impl_->on_ambiguous(flow, ambiguity);
}

void Engine::hold() {
    impl_->hold();
}

void Engine::go_on(Instant now, bool missed) {
    impl_->go_on(now, missed);
}

bool Engine::on_hold() const {
    return impl_->on_hold();
}

bool Engine::on_hint(Instant now, Instant seen, const Hint& hint) {
    return impl_->on_hint(now, seen, hint);
}

void Engine::on_hints_complete(Instant begun) {
    impl_->on_hints_complete(begun);
}

bool Engine::half_closed(const tcp::Endpoint& a, const tcp::Endpoint& b) const {
    return impl_->half_closed(a, b);
}

bool Engine::surely_half_closed(Instant now, const tcp::Endpoint& a, const tcp::Endpoint& b) const {
    return impl_->surely_half_closed(now, a, b);
}

bool Engine::observes() const {
    return impl_->tuning.observe;
}

void Engine::on_tick(Instant now, Actions& actions) {
    impl_->on_tick(now, actions);
}

Instant Engine::next_deadline() const {
    return impl_->next_deadline();
}

void Engine::tune(Instant now, Tuning tuning) {
    impl_->tune(now, std::move(tuning));
}

std::optional<std::uint32_t> Engine::visit(Instant now, std::uint32_t cursor, std::uint32_t slots,
                                           const policy::Filter& filter, std::vector<FlowReport>& out) const {
    return impl_->visit(now, cursor, slots, filter, out);
}

std::optional<FlowReport> Engine::find(Instant now, FlowId id) const {
    return impl_->find(now, id);
}

bool Engine::quiet_since(Instant then, FlowId id) const {
    return impl_->quiet_since(then, id);
}

std::optional<Explanation> Engine::explain(Instant now, FlowId id) const {
    return impl_->explain(now, id);
}

KillResult Engine::kill(Instant now, FlowId id) {
    return impl_->kill(now, id);
}

bool Engine::resume(std::string_view policy) {
    return impl_->resume(policy);
}

std::optional<std::uint32_t> Engine::save(Instant now, std::uint32_t cursor, std::uint32_t slots,
                                          std::vector<std::uint8_t>& batch) const {
    return impl_->save(now, cursor, slots, batch);
}

std::uint32_t Engine::restore(Instant now, Instant saved,
                              std::span<const std::span<const std::uint8_t>> batches) {
    return impl_->restore(now, saved, batches);
}

bool Engine::adopt_known(Instant now, const Adoptee& adoptee) {
    return impl_->adopt_known(now, adoptee);
}

bool Engine::adopt(Instant now, const Adoptee& adoptee) {
    return impl_->adopt(now, adoptee);
}

std::optional<Adoptee> Engine::hand_over(Instant now, const tcp::Segment& heard) {
    return impl_->hand_over(now, heard);
}

void Engine::take_in(Instant now, const Adoptee& adoptee, const tcp::Segment& heard) {
    impl_->take_in(now, adoptee, heard);
}

std::uint64_t Engine::unheard() const {
    return impl_->unheard();
}

const Counters& Engine::counters() const {
    return impl_->counters;
}

Gauges Engine::gauges() const {
    return impl_->gauges();
}

policy::Lasting Engine::half_closed_ages(Instant now) const {
    return impl_->half_closed_ages(now);
}

std::vector<PolicyCounts> Engine::policy_counts() const {
    return impl_->counts_by_policy();
}

const policy::PolicySet& Engine::policies() const {
    return impl_->tuning.policies;
}

}  // namespace finwait::engine
