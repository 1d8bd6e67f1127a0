#include "ctl/flow_printer.hpp"

#include "ctl/answers.hpp"
#include "ctl/flow_fields.hpp"
#include "ctl/flow_table.hpp"
#include "ctl/json_array.hpp"

#include <fmt/format.h>
#include <optional>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace finwait::ctl {
namespace {

class JsonPrinter : public FlowPrinter {
  public:
    JsonPrinter(const Invocation& call, Output& out) : array_(out, call.pretty) {}

    void add(std::string_view flow) override { array_.add(flow); }
    void finish(bool complete) override {
        if (complete) array_.finish();
    }

  private:
    JsonArray array_;
};

class TsvPrinter : public FlowPrinter {
  public:
    TsvPrinter(const Invocation& call, Output& out) : addresses_(call.verbose > 0), out_(out) {
        if (call.header) out_.write(tsv_header(addresses_));
    }

    void add(std::string_view flow) override { out_.write(tsv_line(parse_object(flow), addresses_)); }
    void finish(bool) override {}

  private:
    bool addresses_;
    Output& out_;
};

class TablePrinter : public FlowPrinter {
  public:
    TablePrinter(const Invocation& call, Terminal& terminal)
        : verbose_(call.verbose),
          table_(flow_columns(verbose_), terminal.width, terminal.out, {call.header, terminal.colours}),
          err_(terminal.err) {
        if (call.resolve) names_.emplace();
    }

    void add(std::string_view text) override {
        nlohmann::json flow = parse_object(text);
        if (!names_) {
            print(flow);
            return;
        }
        // Names are asked for by many flows at a time: the answers come at the speed of the slowest.
        constexpr std::size_t together = 256;
        collect_addresses(flow, addresses_);
        waiting_.push_back(std::move(flow));
        if (waiting_.size() >= together) name_and_print();
    }

    void finish(bool) override {
        if (names_) name_and_print();
        table_.finish();
        if (names_ && names_->left_out() > 0)
            err_.write(
                fmt::format("finwaitctl: {} address{} without a name: there was no answer in time, or "
                            "there are too many to ask for\n",
                            names_->left_out(), names_->left_out() == 1 ? " is left" : "es are left"));
    }

  private:
    void name_and_print() {
        names_->find(std::exchange(addresses_, {}));
        for (const nlohmann::json& flow : std::exchange(waiting_, {}))
            print(flow);
    }

    void print(const nlohmann::json& flow) {
        constexpr int remarks_too = 2;
        table_.add(flow_row(flow, verbose_, names_ ? &*names_ : nullptr),
                   verbose_ >= remarks_too ? flow_remarks(flow) : std::string());
    }

    int verbose_;
    Table table_;
    Output& err_;
    std::optional<Names> names_;
    std::vector<std::string> addresses_;
    std::vector<nlohmann::json> waiting_;
};

}  // namespace

std::unique_ptr<FlowPrinter> make_flow_printer(const Invocation& call, Terminal& terminal) {
    if (call.json) return std::make_unique<JsonPrinter>(call, terminal.out);
    if (call.tsv) return std::make_unique<TsvPrinter>(call, terminal.out);
    return std::make_unique<TablePrinter>(call, terminal);
}

}  // namespace finwait::ctl
