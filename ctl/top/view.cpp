#include "ctl/top/view.hpp"

#include "control/protocol.hpp"
#include "ctl/flow_table.hpp"
#include "ctl/table.hpp"
#include "ctl/text.hpp"
#include "ctl/top/header.hpp"
#include "ctl/top/wrap.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace finwait::ctl::top {
namespace {

/// Which column of the table of flows shows the key; they stand in the same order, behind the ID.
std::size_t column_of(const std::string& key) {
    const auto keys = control::sort_keys();
    return static_cast<std::size_t>(std::ranges::find(keys, key) - keys.begin()) + 1;
}

std::vector<std::string> lines_in(const std::string& text) {
    std::vector<std::string> lines;
    std::size_t begin = 0;
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
        lines.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return lines;
}

/// The titles, and a line for each flow that fits below them.
std::vector<std::string> table_of(const Model& model) {
    const Snapshot& snapshot = *model.snapshot();
    std::vector<Column> columns = flow_columns();
    Column& sorted = columns[std::min(column_of(snapshot.question.sort), columns.size() - 1)];
    const std::string title = std::string(sorted.title) + (snapshot.question.descending ? " v" : " ^");
    sorted.title = title;
    sorted.expendable = 0;  // what the order rests on is seen
    std::string text;
    Output out(text);
    Table table(std::move(columns), model.size().columns, out);
    const std::size_t end = std::min(snapshot.flows.size(), model.top() + model.room());
    for (std::size_t i = model.top(); i < end; ++i)
        table.add(flow_row(snapshot.flows[i]));
    table.finish();
    out.flush();
    return lines_in(text);
}

void add_flows(const Model& model, Picture& picture) {
    const auto& snapshot = model.snapshot();
    if (!snapshot) return;
    const std::vector<std::string> lines = table_of(model);
    if (lines.empty()) {
        picture.lines.push_back(
            {snapshot->question.filter.empty() ? "There are no flows." : "No flow matches.", Style::faint});
        return;
    }
    picture.lines.push_back({lines.front(), Style::title});
    for (std::size_t i = 1; i < lines.size(); ++i) {
        const bool selected = model.top() + i - 1 == model.selected();
        picture.lines.push_back({lines[i], selected ? Style::selected : Style::plain});
    }
}

Line list_bottom(const Model& model) {
    if (model.typing())
        return {"Enter: put it in force  Esc: leave the old one  Ctrl-U: empty it", Style::faint};
    std::string text = "q quit  ? help  / filter  < > sort  r reverse  Enter open";
    if (const auto& s = model.snapshot(); s && !s->flows.empty())
        text += fmt::format("  {}/{}", model.selected() + 1, s->matched);
    return {text, Style::faint};
}

constexpr std::size_t kPrompt = 8;  // "Filter: "

/// What is typed, seen around its cursor where it is too long, and below it what is wrong with it.
void add_typing(const Model& model, Picture& picture) {
    const std::size_t width = model.size().columns;
    const TypedText& typing = *model.typing();
    std::string& text = picture.lines.back().text;
    const std::size_t at = kPrompt + display_width(typing.text().substr(0, typing.cursor()));
    const std::size_t hidden = at >= width ? at - width + 1 : 0;
    text.erase(0, std::min(hidden, text.size()));
    picture.cursor = {picture.lines.size() - 1, at - hidden};
    const auto& wrong = model.filter_error();
    if (!wrong) return;
    const std::size_t column = kPrompt + wrong->column - 1;
    picture.lines.push_back({std::string(column - std::min(column, hidden), ' ') + "^", Style::bad});
    for (std::string& line : wrapped(wrong->message, width, false))
        picture.lines.push_back({std::move(line), Style::bad});
}

void draw_list(const Model& model, Clock::time_point now, Picture& picture) {
    picture.lines = header_of(model, now);
    if (model.typing() && !picture.lines.empty()) add_typing(model, picture);
    add_flows(model, picture);
}

Line end_line(const EndNews& end) {
    const bool ended = !lives(end.fate);
    const bool waiting = end.fate == Fate::pending || end.fate == Fate::chosen;
    return {end.text, waiting ? Style::strong : ended ? Style::good : Style::bad};
}

Line flow_bottom(const Model& model) {
    if (model.confirming())
        return {"Really end this connection, by RSTs to both sides? y: yes  any other key: no", Style::bad};
    if (const auto& end = model.end(); end && end->id == model.opened()) return end_line(*end);
    const bool there = model.flow() && model.flow()->flow.is_object();
    return {there ? "Esc back  K end the flow  up down scroll" : "Esc back  up down scroll", Style::faint};
}

void add_text(const Model& model, Picture& picture) {
    const std::vector<std::string> text = model.text();
    const std::size_t end = std::min(text.size(), model.top() + model.room());
    for (std::size_t i = model.top(); i < end; ++i)
        picture.lines.push_back({text[i]});
}

void draw_flow(const Model& model, Clock::time_point now, Picture& picture) {
    const auto& flow = model.flow();
    Line title{"Flow " + model.opened().value_or(""), Style::title};
    if (model.trouble()) {
        title.text += "  " + state_line(model, now).text;
    } else if (!flow) {
        title.text += "  asking finwaitd";
    } else if (flow->flow.is_null()) {
        title.text += flow->lines.empty() ? "  is gone" : "  is gone; this is what was known of it last";
    } else {
        title.text += "  " + endpoint_text(part(flow->flow, "client")) + " > " +
                      endpoint_text(part(flow->flow, "server"));
    }
    picture.lines.push_back(std::move(title));
    if (!flow) return;
    add_text(model, picture);
}

void draw_help(const Model& model, Picture& picture) {
    picture.lines.push_back({"finwaitctl top", Style::title});
    add_text(model, picture);
}

Line bottom_of(const Model& model) {
    if (model.page() == Page::list) return list_bottom(model);
    if (model.page() == Page::flow) return flow_bottom(model);
    return {"Esc back  up down scroll", Style::faint};
}

}  // namespace

std::string cut(const std::string& text, std::size_t columns) {
    std::size_t shown = 0;
    std::size_t at = 0;
    for (; at < text.size(); ++at) {
        const bool begins = (static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U;
        if (begins && shown++ == columns) break;
    }
    return text.substr(0, at);
}

Picture picture_of(const Model& model, Clock::time_point now) {
    Picture picture;
    const Size size = model.size();
    if (model.page() == Page::list) draw_list(model, now, picture);
    if (model.page() == Page::flow) draw_flow(model, now, picture);
    if (model.page() == Page::help) draw_help(model, picture);
    picture.lines.resize(size.rows - 1);
    picture.lines.push_back(bottom_of(model));
    for (Line& line : picture.lines)
        line.text = cut(line.text, size.columns);
    if (picture.cursor && picture.cursor->row + 1 >= size.rows) picture.cursor.reset();
    return picture;
}

}  // namespace finwait::ctl::top
