#include "ctl/top/typed_text.hpp"

namespace finwait::ctl::top {
namespace {

/// A byte of a UTF-8 character that is not its first.
bool continues(char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

bool printable(Key key) {
    constexpr int del = 0x7f;
    return key >= ' ' && key < Key::backspace && key != del;
}

}  // namespace

std::size_t TypedText::previous() const {
    std::size_t at = cursor_;
    while (at > 0 && continues(text_[at - 1]))
        --at;
    return at > 0 ? at - 1 : 0;
}

std::size_t TypedText::next() const {
    std::size_t at = cursor_;
    if (at < text_.size()) ++at;
    while (at < text_.size() && continues(text_[at]))
        ++at;
    return at;
}

bool TypedText::press(Key key) {
    switch (key) {
        case Key::left: cursor_ = previous(); return true;
        case Key::right: cursor_ = next(); return true;
        case Key::home: cursor_ = 0; return true;
        case Key::end: cursor_ = text_.size(); return true;
        case Key::clear_line: *this = {}; return true;
        case Key::erase: text_.erase(cursor_, next() - cursor_); return true;
        case Key::backspace: {
            const std::size_t begin = previous();
            text_.erase(begin, cursor_ - begin);
            cursor_ = begin;
            return true;
        }
        default: break;
    }
    if (!printable(key)) return false;
    if (text_.size() < kLongest) text_.insert(cursor_++, 1, static_cast<char>(key));
    return true;
}

}  // namespace finwait::ctl::top
