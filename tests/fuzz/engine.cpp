// An engine with its egress, and everything that a shard may tell them, in any order, with time passing:
// segments of three connections, some as they should be and some not, answers to its own probes, errors,
// losses, what conntrack says, kills, reloads, restarts, and whatever a kernel answers the egress. What it
// claims must be proven by what has passed; what it resets must have been idle for its time, or asked for,
// and the number must be one that the receiver has named.
#include "engine/engine.hpp"

#include "egress/drive.hpp"
#include "flows.hpp"
#include "input.hpp"
#include "kernel.hpp"
#include "pair.hpp"
#include "tcp/compose.hpp"

#include <optional>

namespace finwait::fuzz {
namespace {

namespace flag = tcp::flag;

constexpr Duration kFinWait2 = std::chrono::seconds(20);

engine::Tuning tuning(bool observe, policy::OnExpiry on_expiry) {
    policy::Timeouts t;
    t.fin_wait_2 = kFinWait2;
    t.probe_interval = std::chrono::seconds(2);
    t.probe_attempts = 3;
    t.alive_max = std::chrono::minutes(3);
    t.on_expiry = on_expiry;
    engine::Tuning tuning;
    tuning.policies = policy::PolicySet({}, t);
    tuning.observe = observe;
    tuning.pressure.start = policy::kNoPressure;
    tuning.resets_per_second = 10;
    tuning.probes_per_second = 20;
    return tuning;
}

class Play {
  public:
    explicit Play(Input& in)
        : in_(in),
          options_(options(in)),
          engine_(std::in_place, options_),
          machine_(std::in_place),
          kernel_(in),
          observe_(options_.tuning.observe) {
        for (std::size_t i = 0; i < pairs_.size(); ++i) {
            End& first = pairs_[i].end[0];
            End& second = pairs_[i].end[1];
            first.endpoint = {address(i, 0), static_cast<std::uint16_t>(40000 + i)};
            first.next = tcp::Seq(1000);
            second.endpoint = {address(i, 1), 80};
            second.next = tcp::Seq(UINT32_MAX - 100);  // its numbers wrap soon
        }
    }

    void run() {
        constexpr int kMostSteps = 300;
        for (int i = 0; i < kMostSteps && !in_.empty(); ++i) {
            step();
            tick();
            check();
        }
        // Twice, because what wakes too often is not woken to the end; a FIN that nobody acknowledges begins
        // anew.
        wait(std::chrono::hours(24 * 8));
        tick();
        wait(std::chrono::hours(24 * 8));
        tick();
        require(engine_->gauges().flows == 0, "something stays in the table for ever");
    }

  private:
    static engine::Options options(Input& in) {
        const std::uint8_t bits = in.take<std::uint8_t>();
        engine::Options o;
        o.max_flows = (bits & 1U) != 0 ? 2 : 8;
        o.awake = (bits & 2U) != 0 ? 0 : 4;
        o.selective = (bits & 4U) != 0;
        o.tuning = tuning((bits & 8U) != 0, static_cast<policy::OnExpiry>((bits >> 4U) % 3));
        return o;
    }
    static tcp::Address address(std::size_t pair, std::size_t end) {
        static constexpr std::array<std::string_view, 4> kNames = {"10.99.1.2", "10.99.2.2", "2001:db8::1",
                                                                   "2001:db8::2"};
        return *tcp::Address::parse(kNames[(pair == 2 ? 2 : 0) + end]);
    }

    void step() {
        switch (in_.below(24)) {
            case 0: return wait(std::chrono::milliseconds(in_.take<std::uint16_t>()));
            case 1: return wait(std::chrono::seconds(in_.take<std::uint8_t>()));
            case 2: return wait(std::chrono::minutes(in_.take<std::uint8_t>()));
            case 3: return answer();
            case 4: return report_unreachable();
            case 5: return word();
            case 6: return engine_->on_loss(now_, in_.take<std::uint8_t>());
            case 7: return hint();
            case 8: return engine_->on_hints_complete(now_ - std::chrono::seconds(in_.below(8)));
            case 9: return adopt();
            case 10: return hand_over();
            case 11: return kill();
            case 12: return tune();
            case 13: return restart();
            case 14: return engine_->on_unparsed(static_cast<tcp::ParseError>(in_.below(6)));
            case 15: return unsent();
            case 16: return ask_kernel();
            case 17: return end_search();
            default: return pass(some_segment());
        }
    }

    /// Mostly what its sender would say next; the rest is up to the fuzzer.
    [[nodiscard]] tcp::Segment some_segment() {
        static constexpr std::array<std::uint8_t, 8> kFlags = {
            flag::syn, flag::syn | flag::ack, flag::ack, flag::psh | flag::ack, flag::fin | flag::ack,
            flag::rst, flag::rst | flag::ack, 0};
        Pair& pair = some_pair();
        const std::size_t from = in_.below(2);
        End& sender = pair.end[from];
        const End& peer = pair.end[1 - from];
        tcp::Segment s;
        s.source = sender.endpoint;
        s.destination = peer.endpoint;
        const std::uint8_t shape = in_.take<std::uint8_t>();
        s.flags = kFlags[shape % kFlags.size()];
        s.seq = sender.next;
        s.ack = peer.next;
        s.window = 1000;
        if (s.has(flag::psh)) s.length = 10;
        if ((shape & 8U) != 0) s.seq = s.seq + static_cast<std::uint32_t>(in_.take<std::uint8_t>()) - 128;
        if ((shape & 16U) != 0) s.ack = s.ack + static_cast<std::uint32_t>(in_.take<std::uint8_t>()) - 128;
        if ((shape & 32U) != 0) odd(s);
        if ((shape & 64U) == 0) sender.next = s.end();
        return s;
    }
    void odd(tcp::Segment& s) {
        s.flags |= in_.take<std::uint8_t>();
        s.options = in_.take<std::uint8_t>();
        s.window = in_.take<std::uint16_t>();
        s.scale = static_cast<std::uint8_t>(in_.below(15));
        s.length = in_.below(100);
        s.ip_id = in_.take<std::uint8_t>();
        s.ts_value = in_.take<std::uint8_t>();
        if (in_.flag()) s.seq = tcp::Seq(in_.take<std::uint32_t>());
        if (in_.flag()) s.ack = tcp::Seq(in_.take<std::uint32_t>());
    }

    /// As bytes where that can be, as it comes from the wire.
    void pass(const tcp::Segment& said) {
        static constexpr std::array<std::uint8_t, 128> kPayload{};
        tcp::PacketBuffer bytes;
        tcp::Segment s = said;
        const std::size_t size = tcp::compose(said, std::span(kPayload).first(said.length), bytes);
        if (size != 0)
            require(tcp::parse(std::span(bytes).first(size), size, s) == tcp::ParseError::none,
                    "a composed segment cannot be read");
        Pair& pair = note(s);
        const auto before = find(pair);
        engine_->expect(std::span(&s, 1));
        const auto way = static_cast<engine::Way>(in_.below(16) < 14 ? 0 : in_.below(3));
        static_cast<void>(engine_->on_segment(now_, s, way));
        if (s.any(flag::rst)) pair.gone = pair.index_of(s.source);
        const auto flow = find(pair);
        if (!flow || flow->subject.idle != Duration(0) || s.any(flag::rst)) return;
        pair.last_progress = now_;
        // A SYN would begin another connection. And what is idle for no time at all may be so by the RST.
        const bool lives =
            s.space() > 0 && !s.any(flag::syn) && before && before->subject.idle != Duration(0);
        if (lives && pair.gone == pair.index_of(s.source)) pair.gone.reset();
    }

    Pair& note(const tcp::Segment& s) {
        Pair& pair = pair_of(s.source, s.destination);
        pair.note(pair.index_of(s.source), s);
        return pair;
    }

    /// To what the engine has sent last: as an end that is there, that is not, or that is somewhere else.
    void answer() {
        if (!last_sent_) return;
        tcp::Segment s;
        s.source = last_sent_->segment.destination;
        s.destination = last_sent_->segment.source;
        const std::uint32_t kind = in_.below(4);
        const Pair& pair = pair_of(s.source, s.destination);
        const bool first = s.source == pair.end[0].endpoint;
        s.flags = kind == 1 ? flag::rst : flag::ack;
        s.seq = kind == 1 ? last_sent_->segment.ack : pair.end[first ? 0 : 1].next;
        s.ack = kind == 1 ? tcp::Seq(0) : pair.end[first ? 1 : 0].next;
        if (kind == 2) s.ack = s.ack + in_.take<std::uint8_t>();
        if (kind == 3) s.seq = s.seq + in_.take<std::uint8_t>();
        s.window = 1000;
        pass(s);
    }
    void report_unreachable() {
        if (!last_sent_) return;
        const tcp::Unreachable error{last_sent_->segment.source, last_sent_->segment.destination,
                                     last_sent_->segment.seq + in_.below(2)};
        static_cast<void>(engine_->follows(error));
        static_cast<void>(engine_->on_unreachable(error));
    }
    void unsent() {
        if (last_sent_) carry_out(machine_->not_sent(last_sent_->segment, egress::Refusal::queue_full));
    }
    /// From now on the egress asks more, or wants the mark to be there.
    void ask_kernel() {
        const std::uint8_t what = in_.take<std::uint8_t>();
        if ((what & 1U) != 0) machine_->translate();
        if ((what & 2U) != 0) machine_->know_own_sockets((what & 4U) != 0);
        machine_->queued_by((what & 8U) != 0 ? 0x80 : 0);
        machine_->distrust((what & 48U) == 48 ? now_ : Instant::never());
    }
    void end_search() {
        const bool failed = in_.below(4) == 3;
        const egress::Wanted found = kernel_.take_found();
        for (;;) {
            const auto actions = machine_->release(now_, found, failed);
            if (actions.empty()) break;
            carry_out(actions);
        }
        static_cast<void>(machine_->end_burst(now_));
    }
    void word() {
        if (!last_sent_) return;
        const auto said = static_cast<flow::Evidence>(1 + in_.below(3));
        Pair& pair = pair_of(last_sent_->segment.source, last_sent_->segment.destination);
        if (said == flow::Evidence::gone) pair.gone = pair.index_of(last_sent_->segment.destination);
        engine_->on_socket_state(now_, last_sent_->flow, last_sent_->segment.destination, said);
    }
    void hint() {
        Pair& pair = some_pair();
        pair.reported = true;
        const std::size_t opener = in_.below(2);
        const engine::Hint hint{pair.end[opener].endpoint, pair.end[1 - opener].endpoint,
                                static_cast<engine::Belief>(in_.below(6))};
        static_cast<void>(engine_->on_hint(now_, now_ - std::chrono::seconds(in_.below(4)), hint));
    }
    void adopt() {
        Pair& pair = some_pair();
        pair.reported = true;
        engine::Adoptee adoptee;
        adoptee.client = pair.end[0].endpoint;
        adoptee.server = pair.end[1].endpoint;
        if (in_.flag()) adoptee.closer = static_cast<tcp::Role>(in_.below(2));
        adoptee.last_seen = now_ - std::chrono::seconds(in_.below(64));
        adoptee.opened = adoptee.last_seen - std::chrono::seconds(in_.below(64));
        if (!engine_->adopt_known(now_, adoptee)) static_cast<void>(engine_->adopt(now_, adoptee));
    }
    /// From one shard to another, and that is the same one here.
    void hand_over() {
        const tcp::Segment s = some_segment();
        note(s).reported = true;
        const auto adoptee = engine_->hand_over(now_, s);
        if (adoptee) engine_->take_in(now_, *adoptee, s);
    }
    void kill() {
        Pair& pair = some_pair();
        const auto flow = find(pair);
        if (flow && engine_->kill(now_, flow->id) == engine::KillResult::requested) pair.killed = true;
    }
    void tune() {
        observe_ = in_.flag();
        options_.tuning = tuning(observe_, static_cast<policy::OnExpiry>(in_.below(3)));
        engine_->tune(now_, options_.tuning);
        require(engine_->resume("default"), "a policy is not known by its name");
        require(engine_->observes() == observe_, "an engine forgets that it may not send");
    }
    void restart() {
        std::vector<std::uint8_t> batch;
        require(!engine_->save(now_, 0, 1000, batch), "a batch of all slots is not all of them");
        const Instant saved = now_;
        now_ = now_ + std::chrono::seconds(in_.below(100));
        engine_.emplace(options_);
        machine_.emplace();
        kernel_.forget();
        const std::array<std::span<const std::uint8_t>, 1> batches = {batch};
        static_cast<void>(engine_->restore(now_, saved, batches));
        last_sent_.reset();
    }

    void wait(Duration d) {
        constexpr int kMostWakes = 500;
        const Instant until = now_ + d;
        for (int wakes = 0; engine_->next_deadline() <= until && wakes < kMostWakes; ++wakes) {
            now_ = std::max(now_, engine_->next_deadline());
            tick();
        }
        now_ = until;
    }
    void tick() {
        engine::Actions actions;
        engine_->on_tick(now_, actions);
        for (const engine::Action& action : actions) {
            if (const auto* send = std::get_if<engine::Send>(&action)) {
                take(*send);
                carry_out(machine_->send(now_, *send));
                continue;
            }
            const auto& event = std::get<engine::Event>(action);
            if (event.type == engine::EventType::half_closed)
                carry_out(machine_->note_half_closed(now_, event));
            if (event.type == engine::EventType::closed) machine_->forget(event.id);
        }
        static_cast<void>(machine_->end_burst(now_));
    }
    void carry_out(egress::Machine::Actions actions) {
        egress::drive(*machine_, now_, actions, [this](const egress::Action& action) {
            return std::visit([this](const auto& a) { return perform(a); }, action);
        });
    }
    template<typename Question>
    egress::Answer perform(const Question& question) {
        return kernel_.answer(question);
    }
    egress::Answer perform(const engine::Notice& notice) {
        const auto* word = std::get_if<engine::SocketState>(&notice);
        if (word != nullptr && word->evidence == flow::Evidence::gone)
            if (const auto flow = engine_->find(now_, word->flow)) {
                Pair& pair = pair_of(flow->subject.client, flow->subject.server);
                pair.gone = pair.index_of(word->end);
            }
        return egress::Told{engine::deliver(*engine_, now_, notice)};
    }
    egress::Answer perform(const egress::Transmit& order) {
        const tcp::Segment made = order.out.as_made();
        const tcp::Endpoint& source = order.out.segment.source;
        require(source == made.source || source == Kernel::shown(made.source),
                "a segment carries the name of nobody");
        if (made.any(flag::rst)) check_reset(made);
        return egress::Done{};
    }
    void take(const engine::Send& send) {
        last_sent_ = send;
        const Pair& pair = pair_of(send.segment.source, send.segment.destination);
        require(!observe_ || pair.killed, "an engine that observes sends");
        require(send.segment.length == 0 && !send.segment.any(flag::syn | flag::fin),
                "what is sent would reach an application");
        if (send.segment.any(flag::rst)) check_reset(send.segment);
    }
    /// Also when it leaves, be that later.
    void check_reset(const tcp::Segment& rst) {
        const Pair& pair = pair_of(rst.source, rst.destination);
        pair.check_reset(rst);
        require(pair.killed || pair.gone || now_ >= pair.last_progress + kFinWait2,
                "a connection in use is reset");
    }

    void check() {
        Flows(*engine_, now_).check();
        for (const Pair& pair : pairs_)
            if (const auto flow = find(pair)) pair.check(*flow);
    }

    Pair& some_pair() { return pairs_[in_.below(pairs_.size())]; }
    Pair& pair_of(const tcp::Endpoint& a, const tcp::Endpoint& b) {
        for (Pair& pair : pairs_)
            for (const std::size_t i : {std::size_t{0}, std::size_t{1}})
                if (pair.end[i].endpoint == a && pair.end[1 - i].endpoint == b) return pair;
        require(false, "a segment of nobody");
        return pairs_.front();
    }
    /// No two pairs share their first end.
    [[nodiscard]] std::optional<engine::FlowReport> find(const Pair& pair) {
        const tcp::Endpoint& one = pair.end[0].endpoint;
        for (const engine::FlowReport& flow : Flows(*engine_, now_).list())
            if (flow.subject.client == one || flow.subject.server == one) return flow;
        return std::nullopt;
    }

    Input& in_;
    engine::Options options_;
    std::optional<engine::Engine> engine_;
    std::optional<egress::Machine> machine_;
    Kernel kernel_;
    bool observe_;
    std::array<Pair, 3> pairs_;
    Instant now_{std::chrono::hours(24 * 100)};
    std::optional<engine::Send> last_sent_;
};

}  // namespace
}  // namespace finwait::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    finwait::fuzz::Input in(data, size);
    finwait::fuzz::Play(in).run();
    return 0;
}
