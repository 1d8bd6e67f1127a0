#include "shard/shard.hpp"

#include "shard/clock.hpp"

#include <pthread.h>
#include <sched.h>
#include <system_error>

#include <boost/asio/post.hpp>

namespace finwait::shard {

namespace {

/// Bursts handled before timers and questions get their turn.
constexpr int kBurstsPerTurn = 32;
constexpr std::size_t kReservedActions = 8192;
/// Errors from other shards that may wait for this one.
constexpr std::uint32_t kMostErrorsWaiting = 256;
/// A deadline that is noticed so late was passed while this thread stood still.
constexpr Duration kStoodStill = std::chrono::milliseconds(250);
/// What has come meanwhile is read within this time, and shows what passed unseen.
constexpr Duration kReadFirst = std::chrono::seconds(1);
constexpr Duration kDrainStep = std::chrono::milliseconds(5);

netfilter::Disposition disposition_of(engine::Verdict verdict) {
    switch (verdict) {
        case engine::Verdict::accept: break;
        case engine::Verdict::drop: return netfilter::Disposition::drop;
        case engine::Verdict::release: return netfilter::Disposition::mark;
    }
    return netfilter::Disposition::accept;
}

engine::Way way_of(netfilter::Hook hook) {
    switch (hook) {
        case netfilter::Hook::forward: break;
        case netfilter::Hook::input: return engine::Way::arriving;
        case netfilter::Hook::output: return engine::Way::leaving;
    }
    return engine::Way::forwarded;
}

/// Nothing will be sent to the flow any more.
bool ends(engine::EventType type) {
    using enum engine::EventType;
    return type == confirmed || type == unconfirmed || type == closed;
}

}  // namespace

Shard::Shard(netfilter::Queue queue, inject::Injector injector, engine::Options options, EventSink sink)
    : queue_(std::move(queue)),
      selective_(options.selective),
      engine_(std::move(options)),
      sink_(std::move(sink)),
      readable_(io_, queue_.descriptor()),
      wire_(io_, std::move(injector), engine_) {
    actions_.reserve(kReservedActions);
}

Shard::~Shard() {
    stop();
    readable_.release();  // the queue closes its own socket
}

void Shard::start() {
    thread_ = std::thread([this] {
        wait_readable();
        arm_timer();
        const auto work = boost::asio::make_work_guard(io_);
        io_.run();
    });
}

std::optional<std::string> Shard::pin(std::uint16_t cpu) {
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(cpu, &only);
    const int error = pthread_setaffinity_np(thread_.native_handle(), sizeof only, &only);
    if (error == 0) return std::nullopt;
    return std::system_category().message(error);
}

void Shard::stop() {
    if (!thread_.joinable()) return;
    io_.stop();
    thread_.join();
}

void Shard::drain_and_stop(Duration patience) {
    if (!thread_.joinable()) return;
    boost::asio::post(io_, [this, patience] { stop_when_drained(monotonic_now() + patience); });
    thread_.join();
}

void Shard::avoid(machine::Detours detours) {
    boost::asio::post(io_, [this, detours = std::move(detours)]() mutable {
        wire_.distrust(detours.empty() ? Instant::never() : monotonic_now());
        aside_.avoid(std::move(detours));
    });
}

void Shard::hold() {
    boost::asio::post(io_, [this] { engine_.hold(); });
}

void Shard::go_on(bool missed) {
    boost::asio::post(io_, [this, missed] {
        engine_.go_on(monotonic_now(), missed);
        if (missed && loss_sink_) loss_sink_();
        run_due();
    });
}

Handle Shard::handle() {
    Handle handle;
    handle.io = &io_;
    handle.engine = &engine_;
    handle.wake = [this] { run_due(); };
    handle.now = &monotonic_now;
    handle.load = &load_;
    handle.feed = &feed_;
    return handle;
}

void Shard::wait_readable() {
    readable_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                         [this](const boost::system::error_code& error) {
                             if (!error) on_readable();
                         });
}

void Shard::on_readable() {
    Instant now = Instant::never();
    bool more = true;
    for (int i = 0; more && i < kBurstsPerTurn; ++i) {
        const auto done = handle_burst();
        more = done.has_value();
        now = done.value_or(now);
    }
    run_due(now == Instant::never() ? monotonic_now() : now);
    if (more)
        boost::asio::post(io_, [this] { on_readable(); });
    else
        wait_readable();
}

std::optional<Instant> Shard::handle_burst() {
    const auto burst = queue_.receive();
    if (burst.empty()) return std::nullopt;
    const Instant now = monotonic_now();
    read(burst);
    for (std::size_t i = 0; i < burst.size(); ++i) {
        if (burst[i].lost_before > 0) note_loss(now, burst[i].lost_before);
        const netfilter::Disposition disposition = decide(now, burst[i], parsed_[i], segments_[i]);
        queue_.dispose(i, disposition);
        count(disposition);
    }
    queue_.flush();
    const Instant sent = monotonic_now();
    load_.note_wait(sent - now, burst.size());
    return sent;
}

void Shard::count(netfilter::Disposition disposition) {
    switch (disposition) {
        case netfilter::Disposition::accept: ++load_.accepted; break;
        case netfilter::Disposition::mark: ++load_.released; break;
        case netfilter::Disposition::drop: ++load_.dropped; break;
    }
}

void Shard::read(std::span<const netfilter::QueuedPacket> burst) {
    for (std::size_t i = 0; i < burst.size(); ++i) {
        segments_[i] = {};
        const tcp::Checksum checksum = burst[i].unverified ? tcp::Checksum::doubtful : tcp::Checksum::trusted;
        parsed_[i] = tcp::parse(burst[i].payload, burst[i].wire_length, segments_[i], checksum);
        segments_[i].mark = burst[i].mark;
    }
    engine_.expect({segments_.data(), burst.size()});
}

netfilter::Disposition Shard::decide(Instant now, const netfilter::QueuedPacket& packet,
                                     tcp::ParseError error, const tcp::Segment& segment) {
    const bool is_segment = error == tcp::ParseError::none;
    if (aside_.check(packet, is_segment ? &segment : nullptr) != Reason::none)
        return is_segment && selective_ ? netfilter::Disposition::mark : netfilter::Disposition::accept;
    return disposition_of(is_segment ? on_segment(now, segment, way_of(packet.hook))
                                     : on_other(packet.payload, error));
}

engine::Verdict Shard::on_segment(Instant now, const tcp::Segment& segment, engine::Way way) {
    const engine::Verdict verdict = engine_.on_segment(now, segment, way);
    if (const std::uint64_t strangers = engine_.counters().strangers; strangers != strangers_told_) {
        strangers_told_ = strangers;
        if (stranger_sink_) stranger_sink_(segment);
    }
    return verdict;
}

void Shard::note_loss(Instant now, std::uint32_t packets) {
    engine_.on_loss(now, packets);
    if (loss_sink_) loss_sink_();
}

engine::Verdict Shard::on_other(std::span<const std::uint8_t> packet, tcp::ParseError error) {
    std::optional<tcp::Unreachable> unreachable;
    if (error == tcp::ParseError::not_tcp) unreachable = tcp::parse_unreachable(packet);
    if (!unreachable) {
        engine_.on_unparsed(error);
        return engine::Verdict::accept;
    }
    if (error_sink_ && !engine_.follows(*unreachable)) error_sink_(*unreachable);
    return engine_.on_unreachable(*unreachable);
}

void Shard::hear(const tcp::Unreachable& error) {
    if (errors_waiting_.fetch_add(1, std::memory_order_relaxed) >= kMostErrorsWaiting) {
        errors_waiting_.fetch_sub(1, std::memory_order_relaxed);
        return;
    }
    boost::asio::post(io_, [this, error] {
        errors_waiting_.fetch_sub(1, std::memory_order_relaxed);
        // It has been forwarded already: only what it says is of use.
        if (engine_.follows(error)) static_cast<void>(engine_.on_unreachable(error));
    });
}

void Shard::stir(std::vector<Ready> segments) {
    boost::asio::post(io_, [this, segments = std::move(segments)] {
        if (!engine_.observes()) wire_.send_as_they_are(segments);
    });
}

void Shard::run_due() {
    run_due(monotonic_now());
}

/// Whoever was stopped for a while (SIGSTOP, a suspended machine) finds deadlines behind it that what lies in
/// the queue may have moved.
void Shard::note_turn(Instant now) {
    const bool late =
        timer_set_for_ != Instant::never() && now - std::max(timer_set_for_, last_turn_) > kStoodStill;
    if (late) reads_until_ = now + kReadFirst;
    last_turn_ = now;
}

void Shard::run_due(Instant now) {
    note_turn(now);
    if (now >= reads_until_ && engine_.next_deadline() <= now) {
        actions_.clear();
        engine_.on_tick(now, actions_);
        perform(now, actions_);
    }
    queue_errors_.store(queue_.errors(), std::memory_order_relaxed);
    unheard_.store(engine_.unheard(), std::memory_order_relaxed);
    arm_timer();
}

void Shard::perform(Instant now, const engine::Actions& actions) {
    for (const engine::Action& action : actions) {
        if (const auto* send = std::get_if<engine::Send>(&action)) {
            wire_.send(now, *send);
            continue;
        }
        const auto& event = std::get<engine::Event>(action);
        feed_.note(now, event, engine_.policies()[event.policy].name);
        sink_(event, engine_);
        if (event.type == engine::EventType::confirmed && end_sink_)
            if (const auto known = wire_.translation(now, event.id)) end_sink_(*known);
        if (ends(event.type)) wire_.forget(event.id);
    }
    wire_.flush();
}

void Shard::arm_timer() {
    const Instant next = std::max(engine_.next_deadline(), reads_until_);
    // Setting a timer costs a system call: one that fires too early only looks and sets the next.
    if (next >= timer_set_for_) return;
    timer_set_for_ = next;
    timer_.expires_at(std::chrono::steady_clock::time_point(next.since_origin()));
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        const Instant now = monotonic_now();
        note_turn(now);
        timer_set_for_ = Instant::never();
        run_due(now);
    });
}

void Shard::stop_when_drained(Instant until) {
    if (handle_burst() && monotonic_now() < until) {
        boost::asio::post(io_, [this, until] { stop_when_drained(until); });
        return;
    }
    // What left the rules a moment ago may not have reached the queue yet: look once more.
    drain_timer_.expires_after(kDrainStep);
    drain_timer_.async_wait([this](const boost::system::error_code&) {
        handle_burst();
        io_.stop();
    });
}

}  // namespace finwait::shard
