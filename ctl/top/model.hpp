// What top knows and what a key does to it. Knows no terminal, no daemon and no clock: keys and news go in;
// what is to be asked for, and what is to be seen (view.hpp), comes out.
#pragma once

#include "ctl/top/keys.hpp"
#include "ctl/top/news.hpp"
#include "ctl/top/typed_text.hpp"
#include "policy/filter.hpp"

#include <optional>
#include <string>

namespace finwait::ctl::top {

enum class Page : std::uint8_t { list, flow, help };

/// What is to be done at once.
enum class Effect : std::uint8_t { none, quit, end_flow, redraw };

struct Size {
    std::size_t rows = 24;
    std::size_t columns = 80;
};

class Model {
  public:
    /// More than these nobody scrolls through: a filter finds better.
    static constexpr std::uint32_t kMostFlows = 1000;

    /// The filter must be one.
    explicit Model(std::string filter);

    Effect press(Key key);
    void resize(Size size);
    void take(News news);

    [[nodiscard]] const Question& question() const { return question_; }
    /// The flow whose text is wanted.
    [[nodiscard]] const std::optional<std::string>& opened() const { return opened_; }

    [[nodiscard]] Page page() const { return page_; }
    [[nodiscard]] Size size() const { return size_; }
    [[nodiscard]] const std::optional<Snapshot>& snapshot() const { return snapshot_; }
    /// The one before, for rates.
    [[nodiscard]] const std::optional<Snapshot>& previous() const { return previous_; }
    [[nodiscard]] const std::optional<std::string>& trouble() const { return trouble_; }
    [[nodiscard]] const std::optional<FlowText>& flow() const { return flow_; }
    [[nodiscard]] const std::optional<EndNews>& end() const { return end_; }
    [[nodiscard]] std::size_t selected() const { return selected_; }
    /// The first line, or flow, that is shown.
    [[nodiscard]] std::size_t top() const { return page_ == Page::list ? list_top_ : text_top_; }
    /// The filter that is being typed, if one is, and what is wrong with it.
    [[nodiscard]] const std::optional<TypedText>& typing() const { return typing_; }
    [[nodiscard]] const std::optional<policy::FilterError>& filter_error() const { return filter_error_; }
    /// Whether to end the opened flow is being asked.
    [[nodiscard]] bool confirming() const { return confirming_; }

    /// Lines above the list's rows and below them.
    [[nodiscard]] std::size_t header_rows() const;
    /// The lines of the flow that is open, or of the help, broken to fit.
    [[nodiscard]] std::vector<std::string> text() const;
    /// Flows, or lines of text, that fit.
    [[nodiscard]] std::size_t room() const;

  private:
    Effect press_while_typing(Key key);
    Effect press_while_confirming(Key key);
    Effect press_in_list(Key key);
    Effect press_in_text(Key key);
    void sort_by_neighbour(int step);
    void open_selected();
    void close_flow();
    void move_to(std::size_t flow);
    void scroll_text(std::ptrdiff_t lines);
    void want_enough();
    void take_snapshot(Snapshot snapshot);
    [[nodiscard]] std::size_t count() const { return snapshot_ ? snapshot_->flows.size() : 0; }
    [[nodiscard]] std::string id_of(std::size_t flow) const;

    Question question_;
    Size size_;
    Page page_ = Page::list;
    std::optional<Snapshot> snapshot_;
    std::optional<Snapshot> previous_;
    std::optional<std::string> trouble_;
    std::size_t selected_ = 0;
    std::size_t list_top_ = 0;

    std::optional<std::string> opened_;
    std::optional<FlowText> flow_;
    std::size_t text_top_ = 0;
    bool confirming_ = false;
    std::optional<EndNews> end_;

    std::optional<TypedText> typing_;
    std::optional<policy::FilterError> filter_error_;
};

/// The lines of the help page.
[[nodiscard]] const std::vector<std::string>& help_lines();

}  // namespace finwait::ctl::top
