// The forms in which flows are printed, one after another and without keeping more than the form needs.
#pragma once

#include "ctl/invocation.hpp"

#include <memory>
#include <string_view>

namespace finwait::ctl {

class FlowPrinter {
  public:
    FlowPrinter() = default;
    FlowPrinter(const FlowPrinter&) = delete;
    FlowPrinter& operator=(const FlowPrinter&) = delete;
    virtual ~FlowPrinter() = default;

    /// A flow's JSON, as the daemon sent it.
    virtual void add(std::string_view json) = 0;
    /// `complete`: whether all flows there are have been added.
    virtual void finish(bool complete) = 0;
};

/// The one that the command line asks for.
[[nodiscard]] std::unique_ptr<FlowPrinter> make_flow_printer(const Invocation& call, Terminal& terminal);

}  // namespace finwait::ctl
