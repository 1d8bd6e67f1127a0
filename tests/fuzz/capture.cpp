// Capture files, pcap and pcapng, through link headers, parser and engine, as `finwaitctl replay` reads them.
#include "replay/capture.hpp"

#include "input.hpp"
#include "replay/explain.hpp"
#include "replay/link.hpp"
#include "replay/replay.hpp"

#include <numeric>
#include <sys/mman.h>
#include <unistd.h>

namespace finwait::fuzz {
namespace {

/// Captures are read by name: this one has a name, and is in memory only.
class File {
  public:
    explicit File(std::span<const std::uint8_t> bytes) : descriptor_(memfd_create("capture", MFD_CLOEXEC)) {
        const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
        require(written == static_cast<ssize_t>(bytes.size()), "no room for the input");
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() { close(descriptor_); }

    [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

  private:
    int descriptor_;
};

void check_flow(const replay::Flow& flow, Instant end) {
    require(flow.opened <= end, "a flow begins behind the capture's end");
    require(flow.steps.size() <= replay::Flow::kMaxSteps && flow.resets.size() <= replay::Flow::kMaxResets,
            "a history without a limit");
    require(flow.report().id == flow.id, "a report has another name");
    for (std::size_t i = 0; i < flow.steps.size(); ++i) {
        require(i == 0 || flow.steps[i - 1].at <= flow.steps[i].at, "a history runs backwards");
        require(!replay::explain(flow.steps, i).empty(), "a step without an explanation");
        require(!replay::segment_text(flow.steps[i]).empty(), "a step without a text");
    }
}

}  // namespace
}  // namespace finwait::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace finwait;
    constexpr std::uint32_t kMostFlows = 64;
    const fuzz::File file({data, size});
    auto opened = replay::Capture::open(file.path());
    if (auto* problem = std::get_if<std::string>(&opened)) {
        fuzz::require(!problem->empty(), "refused without a reason");
        return 0;
    }
    auto& capture = std::get<replay::Capture>(opened);
    fuzz::require(!replay::link_text(capture.link_type()).empty(), "a link type without a name");
    replay::Options options;
    options.max_flows = kMostFlows;
    replay::Replay replay(options);
    replay.run(capture);
    const replay::Counts counts = replay.counts();
    fuzz::require(counts.packets == capture.packets(), "packets were lost on the way");
    fuzz::require(counts.packets == counts.tcp + counts.not_tcp() + counts.refused(),
                  "packets do not add up");
    fuzz::require(replay.flows().size() <= kMostFlows, "more flows than the limit");
    for (const replay::Flow& flow : replay.flows())
        fuzz::check_flow(flow, replay.end());
    return 0;
}
