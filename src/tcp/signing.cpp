#include "tcp/signing.hpp"

#include "tcp/report.hpp"
#include "tcp/rules.hpp"
#include "tcp/tracker.hpp"
#include "tcp/window.hpp"

namespace finwait::tcp {

namespace {

bool carries_signature(const Segment& s) {
    return s.offers(option::md5 | option::ao);
}

bool opened_unsigned(const Side& side) {
    return side.syn_seen && !side.unsigned_dropped;
}

void take_back_signing(Connection& c) {
    c.plain = true;
    c.unsigned_word.reset();
    for (Side& side : c.side)
        side.unsigned_dropped = side.unsigned_sent = false;
}

/// Without a key a receiver drops it; and it has none if it has sent, or answered, an unsigned SYN.
bool drops_signed(const Connection& c, Role from, const Segment& s) {
    const Side& receiver = c.of(other(from));
    const bool answers_pending = c.pending && c.pending->role == other(from) && s.ack == c.pending->isn + 1;
    if (s.any(flag::syn)) return answers_pending ? !c.pending->has_signature : opened_unsigned(receiver);
    return c.plain || opened_unsigned(receiver) || opened_unsigned(c.of(from));
}

/// Remembers what a side sends beyond all that is known of it without signing it: its peer's acknowledgment
/// will say whether that is taken.
void note_unsigned(Connection& c, Role from, const Segment& s) {
    Side& sender = c.of(from);
    const bool more = s.space() > 0 && (!sender.next_known() || after(s.end(), sender.next));
    const bool followed = !c.released || s.any(flag::fin);
    if (!more || !followed || s.any(flag::syn | flag::rst) || !sequence_in_window(c, from, s)) return;
    sender.unsigned_sent = true;
    sender.unsigned_end = s.end();
}

/// Where client and server stand behind it.
std::array<Seq, 2> guesses_of(const Early& kept) {
    const Seq end = segment_of(kept).end();
    return kept.role == Role::client ? std::array{end, kept.ack} : std::array{kept.ack, end};
}

/// An unsigned segment and the peer's unsigned answer fit each other exactly: there is an unsigned connection
/// between these ends, and the signed one was made up.
bool answers_unsigned(const Connection& c, Role from, const Segment& s) {
    const bool answers = c.unsigned_word && c.unsigned_word->role != from;
    if (!answers || !s.any(flag::ack) || s.any(flag::syn | flag::rst)) return false;
    const Segment kept = segment_of(*c.unsigned_word);
    return kept.space() > 0 && s.ack == kept.end() && s.seq == kept.ack;
}

/// Goes on with what the unsigned segment says, as if it had been picked up midway there. Of an acknowledged
/// FIN both sides must say whether the other one has closed, too.
void begin_unsigned(Connection& c) {
    const Early kept = *c.unsigned_word;
    const Segment segment = segment_of(kept);
    c = {};
    forget_opening(c);
    c.plain = true;
    if (segment.any(flag::fin)) return half_close_unseen(c, kept.role, guesses_of(kept));
    static_cast<void>(advance(c, kept.role, segment));
}

bool acknowledges_unsigned(const Side& receiver, const Segment& s) {
    const bool data = receiver.unsigned_sent && at_or_after(s.ack, receiver.unsigned_end);
    return data || (opened_unsigned(receiver) && at_or_after(s.ack, receiver.iss + 1));
}

}  // namespace

bool dropped_unread(Connection& c, Role from, const Segment& s) {
    // Any SYN may be the right one, but for a signed one while there is an unsigned connection.
    const bool opens = s.has(flag::syn) && !s.any(flag::ack);
    if (opens) return carries_signature(s) && c.plain && !embryonic(c) && !finished(c);
    if (carries_signature(s)) {
        if (drops_signed(c, from, s)) return true;
        c.of(from).unsigned_sent = false;  // its own copy may be what the peer acknowledges
        return false;
    }
    if (c.plain || s.any(flag::syn)) return false;
    note_unsigned(c, from, s);
    if (!is_signed(c)) return false;
    if (answers_unsigned(c, from, s)) {
        begin_unsigned(c);
        return false;
    }
    const Side& receiver = c.of(other(from));
    const bool proven = s.any(flag::ack) && !s.any(flag::rst) && receiver.unsigned_sent &&
                        acknowledges_unsigned(receiver, s) && sequence_in_window(c, from, s);
    if (proven) {
        take_back_signing(c);
        lose_numbers(c);
        return false;
    }
    if (s.any(flag::ack) && !s.any(flag::syn | flag::rst)) c.unsigned_word = early_of(from, s);
    return true;
}

void note_unsigned_taken(Connection& c, Role from, const Segment& s) {
    if (!c.plain && acknowledges_unsigned(c.of(other(from)), s)) take_back_signing(c);
}

}  // namespace finwait::tcp
