// Memory kept back for when there is no more. What runs after the start needs little at a time, but must not
// fail half way: a timer that cannot be set again, an answer that cannot be sent. When new finds no memory, a
// piece of the reserve is given back to the system and new tries again; only without any left it throws.
#pragma once

#include <cstdint>

namespace finwait::host {

/// Keeps memory back from now on, for the whole process. As much of it as there is.
void keep_memory_back();

/// Whether there was too little memory lately: some of the reserve is given away. Tries to replace it first.
/// What needs more than a little should not be begun then. Any thread.
[[nodiscard]] bool memory_is_short();

/// Something was left out because there was no memory for it. Any thread.
void note_no_memory() noexcept;
/// How many times.
[[nodiscard]] std::uint64_t times_without_memory() noexcept;

}  // namespace finwait::host
