// One JSON array, written element by element. It opens with the first element and is closed only when all
// went well: a listing that broke off must not parse as a complete one.
#pragma once

#include "ctl/output.hpp"

#include <string>
#include <string_view>

namespace finwait::ctl {

/// A JSON text, indented for people; as it is where it is none.
[[nodiscard]] std::string indented(std::string_view json);

class JsonArray {
  public:
    explicit JsonArray(Output& out, bool pretty = false) : out_(out), pretty_(pretty) {}

    /// `json` is written as it is, unless it is to be pretty.
    void add(std::string_view json);
    void finish();

  private:
    Output& out_;
    bool pretty_;
    bool open_ = false;
};

}  // namespace finwait::ctl
