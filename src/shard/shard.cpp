#include "shard/shard.hpp"

#include "host/memory_reserve.hpp"
#include "shard/clock.hpp"

#include <new>
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
/// Before what has failed for want of memory is tried again.
constexpr auto kWithoutMemory = std::chrono::milliseconds(1);
constexpr Duration kMemoryEvery = std::chrono::seconds(1);
constexpr Duration kBetweenLooks = std::chrono::seconds(1);
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
      egress_(io_, std::move(injector), engine_) {
    actions_.reserve(kReservedActions);
}

Shard::~Shard() {
    stop();
    readable_.release();  // the queue closes its own socket
}

void Shard::start() {
    thread_ = std::thread([this] { run(); });
}

/// Until stop(). What runs out of memory is left out, and the rest goes on.
void Shard::run() {
    queue_.hold();
    const auto work = boost::asio::make_work_guard(io_);
    while (!io_.stopped()) {
        try {
            resume();
            io_.run();
        } catch (const std::bad_alloc&) {
            host::note_no_memory();
            std::this_thread::sleep_for(kWithoutMemory);
        }
    }
}

/// Waits for packets and deadlines, unless it does.
void Shard::resume() {
    if (!reads_) wait_readable();
    if (!looks_) look_for_losses();
    arm_timer();
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
    queue_.leave();
}

void Shard::drain_and_stop(Duration patience) {
    if (!thread_.joinable()) return;
    try {
        boost::asio::post(io_, [this, patience] {
            queue_.let_pass();
            stop_when_drained(monotonic_now() + patience);
        });
    } catch (const std::bad_alloc&) {
        io_.stop();
    }
    thread_.join();
    queue_.leave();
}

void Shard::avoid(machine::Detours detours) {
    boost::asio::post(io_, [this, detours = std::move(detours)]() mutable {
        egress_.distrust(detours.empty() ? Instant::never() : monotonic_now());
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
                             reads_ = false;
                             if (!error) on_readable();
                         });
    reads_ = true;
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
    if (!more) return wait_readable();
    boost::asio::post(io_, [this] {
        reads_ = false;
        on_readable();
    });
    reads_ = true;
}

std::optional<Instant> Shard::handle_burst() {
    const auto burst = queue_.receive();
    if (burst.empty()) {
        if (const std::uint32_t unseen = queue_.take_unseen()) note_loss(monotonic_now(), unseen);
        return std::nullopt;
    }
    const Instant now = monotonic_now();
    read(burst);
    for (std::size_t i = 0; i < burst.size(); ++i) {
        if (burst[i].lost_before > 0) note_loss(now, burst[i].lost_before);
        const netfilter::Disposition disposition = decide_surely(now, burst[i], parsed_[i], segments_[i]);
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

netfilter::Disposition Shard::decide_surely(Instant now, const netfilter::QueuedPacket& packet,
                                            tcp::ParseError error, const tcp::Segment& segment) noexcept {
    try {
        return decide(now, packet, error, segment);
    } catch (const std::bad_alloc&) {
        host::note_no_memory();
        return netfilter::Disposition::accept;
    }
}

engine::Verdict Shard::on_segment(Instant now, const tcp::Segment& segment, engine::Way way) {
    const engine::Verdict verdict = engine_.on_segment(now, segment, way);
    if (const std::uint64_t strangers = engine_.counters().strangers; strangers != strangers_told_) {
        strangers_told_ = strangers;
        if (stranger_sink_) stranger_sink_(segment);
    }
    return verdict;
}

/// Once a second: a gap in the ids is seen only with the next packet, which may never come. Where packets are
/// waiting they are read first, for they came before what was lost.
void Shard::look_for_losses() {
    loss_timer_.expires_after(kBetweenLooks);
    loss_timer_.async_wait([this](const boost::system::error_code& error) {
        looks_ = false;
        if (error) return;
        if (!handle_burst())
            if (const std::uint32_t lost = queue_.look_for_loss()) note_loss(monotonic_now(), lost);
        run_due();
        look_for_losses();
    });
    looks_ = true;
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
    try {
        boost::asio::post(io_, [this, error] {
            errors_waiting_.fetch_sub(1, std::memory_order_relaxed);
            // It has been forwarded already: only what it says is of use.
            if (engine_.follows(error)) static_cast<void>(engine_.on_unreachable(error));
        });
    } catch (const std::bad_alloc&) {
        errors_waiting_.fetch_sub(1, std::memory_order_relaxed);
        throw;
    }
}

void Shard::stir(std::vector<egress::OutgoingSegment> segments) {
    boost::asio::post(io_, [this, segments = std::move(segments)] {
        const auto places = static_cast<unsigned>(segments.size());
        const Instant now = monotonic_now();
        if (!engine_.observes() && engine_.take_probes(now, places)) egress_.send_as_they_are(now, segments);
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
    if (now < memory_due_) return;
    memory_due_ = now + kMemoryEvery;
    static_cast<void>(host::memory_is_short());  // takes back what was given away
}

void Shard::run_due(Instant now) {
    note_turn(now);
    if (now >= reads_until_ && engine_.next_deadline() <= now) tick(now);
    queue_errors_.store(queue_.errors(), std::memory_order_relaxed);
    queue_openings_.store(queue_.openings(), std::memory_order_relaxed);
    unheard_.store(engine_.unheard(), std::memory_order_relaxed);
    arm_timer();
}

void Shard::tick(Instant now) noexcept {
    actions_.clear();
    try {
        engine_.on_tick(now, actions_);
        for (const engine::Action& action : actions_)
            perform_surely(now, action);
        egress_.flush(now);
    } catch (const std::bad_alloc&) {
        host::note_no_memory();
    }
}

void Shard::perform(Instant now, const engine::Action& action) {
    if (const auto* send = std::get_if<engine::Send>(&action)) return egress_.send(now, *send);
    const auto& event = std::get<engine::Event>(action);
    if (event.type == engine::EventType::half_closed) egress_.note_half_closed(now, event);
    if (ends(event.type)) {
        const auto known = egress_.translation(now, event.id);
        egress_.forget(event.id);
        if (known && event.type == engine::EventType::confirmed && end_sink_) end_sink_(*known);
    }
    feed_.note(now, event, engine_.policies()[event.policy].name);
    sink_(event, engine_);
}

/// Of what cannot be sent for want of memory the egress has told the engine; what cannot be told is not told.
void Shard::perform_surely(Instant now, const engine::Action& action) noexcept {
    try {
        perform(now, action);
    } catch (const std::bad_alloc&) {
        host::note_no_memory();
    }
}

void Shard::arm_timer() {
    const Instant next = std::max(engine_.next_deadline(), reads_until_);
    // Setting a timer costs a system call: one that fires too early only looks and sets the next.
    if (next >= timer_set_for_) return;
    timer_set_for_ = Instant::never();  // until it is
    timer_.expires_at(std::chrono::steady_clock::time_point(next.since_origin()));
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        const Instant now = monotonic_now();
        note_turn(now);
        timer_set_for_ = Instant::never();
        run_due(now);
    });
    timer_set_for_ = next;
}

void Shard::stop_when_drained(Instant until) {
    try {
        drain(until);
    } catch (const std::bad_alloc&) {
        io_.stop();
    }
}

void Shard::drain(Instant until) {
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
