#include "flow/translation.hpp"

namespace finwait::flow {

bool Translation::between(const tcp::Endpoint& a, const tcp::Endpoint& b) const {
    return (opener.own == a && answerer.own == b) || (opener.own == b && answerer.own == a);
}

void Translation::apply(tcp::Segment& segment) const {
    segment.source = segment.source == opener.own ? opener.shown : answerer.shown;
}

}  // namespace finwait::flow
