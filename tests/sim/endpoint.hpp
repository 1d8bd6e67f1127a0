// One host's TCP for one pair of ports (RFC 9293, RFC 5961, RFC 7323's window scaling), with the ways of
// Linux and of BSD where they differ. Bytes are only counted. Knows neither network nor observer: segments
// and time in, segments out. endpoint_input.cpp receives, endpoint_output.cpp sends, endpoint_timers.cpp
// waits, endpoint_app.cpp is what the application calls.
#pragma once

#include "packet.hpp"
#include "tcp/state.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace finwait::sim {

enum class Stack : std::uint8_t { linux, bsd };

struct EndpointOptions {
    Stack stack = Stack::linux;
    bool listening = false;
    bool scale_offered = true;
    std::uint8_t scale = 7;
    bool timestamps = false;
    bool delayed_ack = true;
    bool fin_with_data = true;  // puts the FIN on the last data when it can
    bool keepalive = false;
    bool keepalive_garbage = false;  // a probe carries one old byte (RFC 9293 section 3.8.4)
    std::uint32_t buffer = 65'535;
    std::uint32_t mss = 100;
    std::uint32_t first_iss = 1000;
    Duration retransmit = ms(200);  // doubles from there
    int retries = 6;
    Duration keepalive_idle = ms(30'000);
    /// Closes by itself this long after the peer's FIN; never when empty.
    std::optional<Duration> close_after_eof;
};

/// How a socket came to its end.
enum class Death : std::uint8_t {
    none,
    orderly,  // both FINs acknowledged
    reset,    // took an RST
    told,     // sent an RST
    silent,   // gave up, timed out or was forgotten, and told nobody
};

/// What really happened to one incarnation: the truth that claims are held against.
struct Facts {
    tcp::State state = tcp::State::closed;  // now; after its end, the last one that it was in
    Death death = Death::none;
    bool syn_sent = false;
    bool syn_ack_sent = false;
    bool synchronized = false;  // has been ESTABLISHED, or beyond
    bool fin_sent = false;
    bool fin_acked = false;  // and it knows so
    bool got_fin = false;
    tcp::Seq fin_end;
    Incarnation peer = kNone;
};

class Endpoint {
  public:
    Endpoint(EndpointOptions options, tcp::Endpoint own, tcp::Endpoint peer);

    void on_packet(Instant now, const Packet& packet);
    void on_timer(Instant now);
    [[nodiscard]] Instant next_deadline() const;
    /// Takes what is to be sent.
    [[nodiscard]] std::vector<Packet>& outbox() { return outbox_; }

    void connect(Instant now);
    void write(Instant now, std::uint32_t bytes);
    void shutdown(Instant now);
    void close(Instant now);
    void abort(Instant now);
    void set_reading(Instant now, bool reading);
    /// The kernel ends the socket on request (tcp_abort()). Whether it tells the peer by an RST.
    bool destroy(Instant now);
    /// The machine starts anew: it knows no connection any more and says so.
    void crash();
    /// The machine is gone from the network.
    void vanish();

    [[nodiscard]] bool alive() const { return !vanished_ && facts().death == Death::none && has_socket(); }
    [[nodiscard]] bool vanished() const { return vanished_; }
    /// Only a small record is left of it, and nobody reads any more.
    [[nodiscard]] bool record() const { return record_; }
    /// No application holds it.
    [[nodiscard]] bool orphaned() const { return orphan_; }
    [[nodiscard]] bool has_socket() const { return state_ != tcp::State::closed; }
    [[nodiscard]] tcp::State state() const { return state_; }
    [[nodiscard]] tcp::Seq rcv_nxt() const { return rcv_nxt_; }
    [[nodiscard]] tcp::Seq snd_nxt() const { return snd_nxt_; }
    [[nodiscard]] tcp::Seq right_edge() const { return rcv_edge_; }
    [[nodiscard]] Incarnation incarnation() const { return static_cast<Incarnation>(history_.size()) - 1; }
    [[nodiscard]] const Facts& facts(Incarnation i) const { return history_[static_cast<std::size_t>(i)]; }
    [[nodiscard]] const Facts& facts() const;
    /// It will send something before long without being asked: a retransmission, a probe, a delayed ACK.
    [[nodiscard]] bool restless() const;

  private:
    struct Range {
        tcp::Seq begin;
        tcp::Seq end;  // the FIN included
        bool fin;
    };

    // endpoint_input.cpp
    void on_closed(Instant now, const Packet& packet);
    void accept(Instant now, const Packet& packet);
    void on_syn_sent(Instant now, const Packet& packet);
    void on_record(Instant now, const Packet& packet);
    void on_time_wait(Instant now, const Packet& packet);
    void on_orphan_record(Instant now, const Packet& packet);
    void on_synchronized(Instant now, const Packet& packet);
    [[nodiscard]] bool acceptable(const tcp::Segment& s) const;
    [[nodiscard]] bool takes_reset(const tcp::Segment& s) const;
    void on_reset(Instant now, const tcp::Segment& s);
    [[nodiscard]] bool take_ack(Instant now, const tcp::Segment& s);
    void on_fin_acked(Instant now);
    void take_window(const tcp::Segment& s);
    void take_data(Instant now, const tcp::Segment& s);
    void refuse_data(const tcp::Segment& s);
    void deliver(tcp::Seq begin, tcp::Seq end, bool fin);
    void on_fin(Instant now);
    void agree_on_scale(const tcp::Segment& syn);

    // endpoint_output.cpp
    void emit(std::uint8_t flags, tcp::Seq seq, std::uint32_t length, Instant now);
    void send_syn(Instant now);
    void send_ack(Instant now);
    void challenge(Instant now);
    void answer_by_reset(const tcp::Segment& s);
    void send_reset(Instant now);
    void push(Instant now);
    void send_fresh(Instant now, std::uint32_t length);
    void retransmit(Instant now);
    void probe(Instant now);
    [[nodiscard]] std::uint16_t offered_window(bool in_syn);
    [[nodiscard]] tcp::Seq data_end() const { return fin_sent_ ? snd_nxt_ - 1 : snd_nxt_; }
    [[nodiscard]] bool may_send_data() const;

    // endpoint_timers.cpp
    void arm_retransmit(Instant now);
    void arm_persist(Instant now);
    void on_retransmit(Instant now);
    void on_keepalive(Instant now);
    void give_up(Instant now);

    // endpoint_app.cpp
    void begin(Instant now);
    void enter(tcp::State state);
    void finish(Death death);
    void queue_fin(Instant now);
    void orphan_fin_wait_2(Instant now);
    void enter_time_wait(Instant now);
    [[nodiscard]] Facts& fact() { return history_.back(); }

    EndpointOptions options_;
    tcp::Endpoint own_;
    tcp::Endpoint peer_;
    std::vector<Packet> outbox_;
    std::vector<Facts> history_;
    tcp::State state_ = tcp::State::closed;
    bool vanished_ = false;
    bool orphan_ = false;  // the application has closed it
    bool record_ = false;  // only a small record is left of it: TIME_WAIT, or Linux's orphaned FIN_WAIT_2

    tcp::Seq iss_;
    tcp::Seq snd_una_;
    tcp::Seq snd_nxt_;
    tcp::Seq recover_;  // what was outstanding at the last timeout is sent again up to here
    tcp::Seq wl1_;
    tcp::Seq wl2_;
    std::uint32_t snd_wnd_ = 0;
    std::uint32_t unsent_ = 0;
    bool fin_queued_ = false;
    bool fin_sent_ = false;
    std::uint8_t peer_scale_ = 0;
    std::uint8_t own_scale_ = UINT8_MAX;  // none agreed on

    tcp::Seq irs_;
    tcp::Seq rcv_nxt_;
    tcp::Seq rcv_edge_;
    std::uint32_t unread_ = 0;
    bool reading_ = true;
    bool fin_arrived_ = false;
    std::vector<Range> out_of_order_;
    std::uint16_t ip_id_ = 0;

    Instant retransmit_at_ = Instant::never();
    Instant persist_at_ = Instant::never();
    Instant ack_at_ = Instant::never();
    Instant keepalive_at_ = Instant::never();
    Instant state_at_ = Instant::never();  // FIN_WAIT_2's and TIME_WAIT's end
    Instant close_at_ = Instant::never();
    Instant challenge_after_;
    int tries_ = 0;
    int keepalives_ = 0;
};

}  // namespace finwait::sim
