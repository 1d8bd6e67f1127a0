// One JSON array, written element by element. It opens with the first element and is closed only when all
// went well: a listing that broke off must not parse as a complete one.
#pragma once

#include "ctl/output.hpp"

#include <string_view>

namespace finwait::ctl {

class JsonArray {
  public:
    explicit JsonArray(Output& out) : out_(out) {}

    /// `json` is written as it is.
    void add(std::string_view json);
    void finish();

  private:
    Output& out_;
    bool open_ = false;
};

}  // namespace finwait::ctl
