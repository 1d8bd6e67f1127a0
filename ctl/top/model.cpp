#include "ctl/top/model.hpp"

#include "control/protocol.hpp"
#include "ctl/text.hpp"
#include "ctl/top/wrap.hpp"

#include <algorithm>
#include <utility>

namespace finwait::ctl::top {
namespace {

constexpr std::size_t kFullHeader = 6;
constexpr std::size_t kLeastFlows = 4;   // rather than a line of the header
constexpr std::size_t kAroundFlows = 2;  // the columns' titles, and the line at the bottom
constexpr std::size_t kAroundText = 2;   // the flow's name, and the line at the bottom

std::size_t moved(std::size_t from, std::ptrdiff_t by, std::size_t last) {
    const auto to = static_cast<std::ptrdiff_t>(from) + by;
    return static_cast<std::size_t>(std::clamp(to, std::ptrdiff_t{0}, static_cast<std::ptrdiff_t>(last)));
}

}  // namespace

Model::Model(std::string filter) {
    question_.filter = std::move(filter);
    want_enough();
}

std::size_t Model::header_rows() const {
    const std::size_t taken = kAroundFlows + kLeastFlows;
    const std::size_t least = typing_ ? 1 : 0;  // what is typed must be seen
    return size_.rows <= taken ? least : std::min(kFullHeader, size_.rows - taken);
}

std::size_t Model::room() const {
    const std::size_t taken = page_ == Page::list ? header_rows() + kAroundFlows : kAroundText;
    return size_.rows > taken ? size_.rows - taken : 1;
}

Effect Model::press(Key key) {
    if (key == Key::redraw) return Effect::redraw;
    if (typing_) return press_while_typing(key);
    if (confirming_) return press_while_confirming(key);
    return page_ == Page::list ? press_in_list(key) : press_in_text(key);
}

/// The old filter stays in force until the new one makes sense.
Effect Model::press_while_typing(Key key) {
    if (key == Key::escape) {
        typing_.reset();
        filter_error_.reset();
    } else if (key == Key::enter) {
        auto parsed = policy::Filter::parse(typing_->text());
        if (auto* wrong = std::get_if<policy::FilterError>(&parsed)) {
            filter_error_ = std::move(*wrong);
            return Effect::none;
        }
        question_.filter = typing_->text();
        typing_.reset();
        filter_error_.reset();
        move_to(0);
    } else if (typing_->press(key)) {
        filter_error_.reset();
    }
    return Effect::none;
}

/// Only "y" is consent.
Effect Model::press_while_confirming(Key key) {
    confirming_ = false;
    if (key != typed('y') && key != typed('Y')) return Effect::none;
    end_ = EndNews{opened_.value_or(""), Fate::chosen, "asking for its end"};
    return Effect::end_flow;
}

Effect Model::press_in_list(Key key) {
    const auto page = static_cast<std::ptrdiff_t>(room());
    const std::size_t last = count() == 0 ? 0 : count() - 1;
    switch (key) {
        case typed('q'):
        case typed('Q'): return Effect::quit;
        case typed('?'):
        case typed('h'):
            page_ = Page::help;
            text_top_ = 0;
            break;
        case typed('/'): typing_ = TypedText(question_.filter); break;
        case typed('<'): sort_by_neighbour(-1); break;
        case typed('>'): sort_by_neighbour(1); break;
        case typed('r'):
        case typed('R'): question_.descending = !question_.descending; break;
        case Key::enter: open_selected(); break;
        case typed('k'):
        case Key::up: move_to(moved(selected_, -1, last)); break;
        case typed('j'):
        case Key::down: move_to(moved(selected_, 1, last)); break;
        case Key::page_up: move_to(moved(selected_, -page, last)); break;
        case Key::page_down:
        case typed(' '): move_to(moved(selected_, page, last)); break;
        case typed('g'):
        case Key::home: move_to(0); break;
        case typed('G'):
        case Key::end: move_to(last); break;
        default: break;
    }
    return Effect::none;
}

Effect Model::press_in_text(Key key) {
    const auto page = static_cast<std::ptrdiff_t>(room());
    switch (key) {
        case Key::escape:
        case Key::backspace:
        case Key::left:
        case typed('q'):
        case typed('Q'): close_flow(); break;
        case typed('K'):
            confirming_ = page_ == Page::flow && flow_ && flow_->flow.is_object() &&
                          (!end_ || (end_->fate != Fate::pending && end_->fate != Fate::chosen));
            break;
        case typed('k'):
        case Key::up: scroll_text(-1); break;
        case typed('j'):
        case Key::down: scroll_text(1); break;
        case Key::page_up: scroll_text(-page); break;
        case Key::page_down:
        case typed(' '): scroll_text(page); break;
        case Key::home: text_top_ = 0; break;
        case Key::end: scroll_text(1'000'000); break;
        default: break;
    }
    return Effect::none;
}

void Model::sort_by_neighbour(int step) {
    const auto keys = control::sort_keys();
    const auto count = static_cast<std::ptrdiff_t>(keys.size());
    const auto at = std::ranges::find(keys, question_.sort) - keys.begin();
    question_.sort = keys[static_cast<std::size_t>((at + step + count) % count)];
    // Names from the first, times from the longest: but what ends next ends soonest.
    question_.descending = question_.sort == "age" || question_.sort == "idle";
}

void Model::open_selected() {
    if (count() == 0) return;
    page_ = Page::flow;
    text_top_ = 0;
    opened_ = id_of(selected_);
    flow_.reset();
    if (end_ && end_->id != *opened_) end_.reset();
}

void Model::close_flow() {
    page_ = Page::list;
    opened_.reset();
    confirming_ = false;
}

std::string Model::id_of(std::size_t flow) const {
    return flow < count() ? text_at(snapshot_->flows[flow], "id") : std::string();
}

void Model::move_to(std::size_t flow) {
    selected_ = flow;
    const std::size_t rows = room();
    if (page_ != Page::list) return;
    list_top_ = std::min(list_top_, selected_);
    if (selected_ >= list_top_ + rows) list_top_ = selected_ - rows + 1;
    want_enough();
}

/// One page more than is seen, in steps, so that moving does not ask anew each time.
void Model::want_enough() {
    constexpr std::size_t step = 50;
    const std::size_t seen = list_top_ + 2 * std::max<std::size_t>(size_.rows, 1);
    question_.limit =
        static_cast<std::uint32_t>(std::min<std::size_t>((seen + step - 1) / step * step, kMostFlows));
}

std::vector<std::string> Model::text() const {
    std::vector<std::string> lines;
    if (page_ != Page::help && !flow_) return lines;
    for (const std::string& line : page_ == Page::help ? help_lines() : flow_->lines)
        for (std::string& piece : wrapped(line, size_.columns))
            lines.push_back(std::move(piece));
    return lines;
}

void Model::scroll_text(std::ptrdiff_t lines) {
    const std::size_t all = text().size();
    text_top_ = moved(text_top_, lines, all > room() ? all - room() : 0);
}

void Model::resize(Size size) {
    size_ = {std::max<std::size_t>(size.rows, 1), std::max<std::size_t>(size.columns, 1)};
    if (page_ == Page::list)
        move_to(selected_);
    else
        scroll_text(0);
}

void Model::take(News news) {
    if (auto* snapshot = std::get_if<Snapshot>(&news)) {
        take_snapshot(std::move(*snapshot));
    } else if (auto* text = std::get_if<FlowText>(&news)) {
        if (text->id != opened_) return;
        // What was known of it last stays to be read.
        if (text->flow.is_null() && flow_) {
            flow_->flow = nullptr;
            confirming_ = false;
            return;
        }
        flow_ = std::move(*text);
        if (page_ == Page::flow) scroll_text(0);
    } else if (auto* end = std::get_if<EndNews>(&news)) {
        end_ = std::move(*end);
    } else {
        trouble_ = std::get<Trouble>(std::move(news)).text;
    }
}

/// The cursor stays on its flow, wherever that has gone in the order; if it is gone, on its line.
void Model::take_snapshot(Snapshot snapshot) {
    const std::string id = id_of(selected_);
    const bool same_order = snapshot_ && snapshot_->question.filter == snapshot.question.filter &&
                            snapshot_->question.sort == snapshot.question.sort &&
                            snapshot_->question.descending == snapshot.question.descending;
    if (snapshot_) previous_ = std::move(snapshot_);
    snapshot_ = std::move(snapshot);
    trouble_.reset();
    const std::size_t last = count() == 0 ? 0 : count() - 1;
    std::size_t at = same_order ? std::min(selected_, last) : 0;
    // At the top it stays at the top: that is where one looks for news.
    if (same_order && selected_ > 0)
        for (std::size_t i = 0; i < count(); ++i)
            if (id_of(i) == id) at = i;
    list_top_ = std::min(list_top_, last);
    move_to(at);
}

const std::vector<std::string>& help_lines() {
    static const std::vector<std::string> lines = {
        "In the list",
        "  up down, j k         move by a flow; Page Up, Page Down, Home, End: further",
        "  Enter                open the flow: its sides, its history, why it stands so",
        "  /                    type a filter: Enter puts it in force, Esc keeps the",
        "                       old one, Ctrl-U empties it; an empty one matches all",
        "  < >                  sort by the column to the left or right",
        "  r                    reverse the order",
        "  q                    quit",
        "",
        "In a flow",
        "  up down              scroll",
        "  K                    end the flow by RSTs to both sides; it is asked first",
        "  Esc, q               back to the list",
        "",
        "Anywhere",
        "  Ctrl-L               draw the screen anew",
        "  Ctrl-C               quit",
        "",
        "Filter words: state, client-state, server-state S; closer client|server;",
        "  client, server, host CIDR; port, client-port N; idle gt TIME; age lt TIME;",
        "  policy NAME; phase P; joined with and, or, not, ( )",
        "",
        "The list is asked for once a second, less often when the answer takes long;",
        "the first line says how old it is. IDLE is \"-\" where it is not known, because",
        "the kernel passes a flow's packets by itself. The first 1000 flows in order can",
        "be scrolled through; a filter finds the others.",
    };
    return lines;
}

}  // namespace finwait::ctl::top
