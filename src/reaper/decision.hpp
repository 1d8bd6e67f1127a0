// What the machine decides about a flow: what it did, what is to be sent, and when it wants to be asked
// again.
#pragma once

#include "flow/inquiry.hpp"
#include "reaper/pace.hpp"
#include "tcp/segment.hpp"
#include "tcp/state.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace finwait::reaper {

/// One kind of thing that the machine does to a flow.
enum class Did : std::uint8_t {
    expire,        // the flow's time is up
    open_inquiry,  // it is being asked from now on
    ask,           // a probe to a side
    give_up,       // a side has had all its attempts: Step::evidence says what that means
    test,          // a near-miss to the closer: an RST that ends an orphan's record only
    leave,         // the inquiry is over, and nothing is done for now
    reset,         // an RST to a side
    pass_on,       // a side's RST, the answer to a probe, has gone on to the other side: that is its end
    make_sure,     // a probe to a side after an RST
};

/// Something that the machine did in one decision.
struct Step {
    Did did = Did::leave;
    std::optional<tcp::Role> side = std::nullopt;       // empty: it concerns the whole flow
    std::uint8_t attempt = 0;                           // of ask, reset and make_sure: which one, from 1
    flow::Evidence evidence = flow::Evidence::unknown;  // with give_up
    std::string_view reason = {};                       // static text
};

/// The steps of one decision, in the order in which they were done.
class Steps {
  public:
    /// REQUIRES: no more than kMost in all.
    void add(const Step& step) {
        assert(count_ < kMost);
        step_[count_++] = step;
    }
    [[nodiscard]] const Step* begin() const { return step_.data(); }
    [[nodiscard]] const Step* end() const { return step_.data() + count_; }
    [[nodiscard]] bool empty() const { return count_ == 0; }
    [[nodiscard]] bool has(Did did) const {
        return std::ranges::any_of(*this, [=](const Step& s) { return s.did == did; });
    }

  private:
    static constexpr std::size_t kMost = 8;
    std::array<Step, kMost> step_;
    std::uint8_t count_ = 0;
};

/// What is to be sent: at most a probe, a near-miss or an RST to each side.
class Segments {
  public:
    /// REQUIRES: at most two in all.
    void add(const tcp::Segment& s) {
        assert(count_ < segment_.size());
        segment_[count_++] = s;
    }
    [[nodiscard]] const tcp::Segment* begin() const { return segment_.data(); }
    [[nodiscard]] const tcp::Segment* end() const { return segment_.data() + count_; }

  private:
    std::array<tcp::Segment, 2> segment_;
    std::uint8_t count_ = 0;
};

/// How far a decision has brought a flow.
enum class Result : std::uint8_t {
    pending,      // it is watched, asked or reset: ask again at Decision::again
    would_reset,  // the policy only observes: note that the flow would have been reset
    confirmed,    // over: a probe drew RST from each side that was reset
    unconfirmed,  // over: nobody contradicted the RSTs, nobody confirmed them
    refused,      // a side has outlived every RST
};

struct Decision {
    Result result = Result::pending;
    Instant again = Instant::never();  // when to decide again
    std::string_view reason = {};      // static text: why the flow is asked, reset or left
    Steps steps = {};                  // what was done
    Segments segments = {};            // what is to be sent
    std::optional<Limit> limit = {};   // it has something to send, and this rate limit makes it wait
    bool source_full = false;          // its source has had its part of its policy's ends: it is to wait
    bool withdraw_report = false;      // nothing shows the FIN that conntrack reported
};

/// The decision to do nothing before `when`.
[[nodiscard]] inline Decision wait_until(Instant when, std::string_view reason = {}) {
    return {.again = when, .reason = reason};
}

}  // namespace finwait::reaper
