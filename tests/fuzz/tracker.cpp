// Two hosts, a path that loses, repeats, delays and swaps, and a forger: lives of the simulator, chosen by
// the fuzzer instead of by chance. The simulator's judge, which knows what really happened, is the oracle: no
// claim beyond what has passed, none below it, the truth at rest, exact resets, and none of a connection in
// use.
#include "input.hpp"
#include "life.hpp"
#include "world.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace finwait;
    const sim::Life life = sim::chosen_life({data, size});
    const sim::Outcome outcome = sim::live(life);
    if (!outcome.violation.empty())
        std::fprintf(stderr, "%s%s\n", sim::text(life).c_str(), outcome.violation.c_str());
    fuzz::require(outcome.violation.empty(), "the judge objects");
    return 0;
}
