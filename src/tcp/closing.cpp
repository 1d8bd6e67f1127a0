// FINs: sent, repeated and acknowledged (RFC 9293 sections 3.6 and 3.10.7.4).

#include "tcp/rules.hpp"

namespace finwait::tcp {

void acknowledge_fin(Side& sender, Side& receiver, const Segment& s) {
    if (!receiver.fin_seen() || s.ack != receiver.fin) return;
    if (!sender.acked_fin) {
        sender.acked_fin = true;
        sender.acked_first = !receiver.fin_repeated;
        sender.fin_ack_seq = s.seq;
    }
    if (!receiver.fin_acked()) {
        receiver.fin_stage = receiver.fin_stage == Fin::alone ? Fin::matched : Fin::acked;
        receiver.next = receiver.fin;  // both sides agree: nothing lies beyond
        apply(receiver.next_basis, NumberEvent::bounded);
        const bool both = sender.fin_seen() || s.any(flag::fin);
        apply(receiver, both ? Event::fin_acked_both : Event::fin_acked);
    }
    // Whichever copy of the receiver's FIN arrived, it brought the acknowledgment of the sender's.
    if (sender.fin_seen() && !sender.fin_acked() && receiver.fin_covers) sender.fin_stage = Fin::acked;
    apply(sender, sender.fin_acked() ? Event::acked_fin_last : Event::acked_fin);
}

void send_first_fin(Side& sender, const Side& receiver, const Segment& s, bool anchored) {
    // It stood behind its FIN already when it first acknowledged the peer's: the FINs have crossed.
    const bool before = sender.acked_fin && sender.acked_first && sender.fin_ack_seq == s.end();
    const bool checked = sender.next_proven() && !s.unverified;
    sender.fin_stage = checked ? Fin::sent : anchored ? Fin::unchecked : Fin::alone;
    sender.fin = s.end();
    sender.fin_covers = receiver.fin_seen() && s.ack == receiver.fin;
    sender.before_fin = sender.state;
    apply(sender, before ? Event::sent_fin_before : Event::sent_fin);
}

void repeat_fin(Side& sender, const Side& receiver, const Segment& s, bool crossing) {
    sender.fin_repeated = true;
    if (sender.fin_stage == Fin::reported) sender.fin_stage = Fin::acked;
    sender.fin_covers = sender.fin_covers && receiver.fin_seen() && s.ack == receiver.fin;
    // A stray copy: a repetition carries the newest acknowledgment, and what has got the peer's FIN says so.
    if (before(s.ack, sender.ack) || (sender.acked_fin && before(s.ack, receiver.fin))) return;
    // A copy of the peer's FIN that brought the acknowledgment has arrived: this one is a stray.
    const bool proven = sender.acked_fin && receiver.fin_covers;
    if (!sender.fin_acked() || crossing || proven) return;
    sender.fin_stage = Fin::sent;
    apply(sender, Event::fin_repeated);
}

void match_earlier_acknowledgment(Side& sender, Side& receiver, bool first_copy) {
    // Where everything is seen, an acknowledgment of something else than what has passed has been kept.
    if (!first_copy || sender.next_proven() || !receiver.ack_known() || receiver.ack != sender.fin) return;
    Segment s;
    s.flags = flag::ack;
    s.seq = receiver.next;
    s.ack = receiver.ack;
    acknowledge_fin(receiver, sender, s);
}

}  // namespace finwait::tcp
