"""Namespaces, real sockets and `ss` as the judge: what system tests and scripts/lab are made of.

    topology    client, gateway and server, and their addresses      netns     entering a namespace
    daemon      finwaitd in the gateway, finwaitctl to ask it        toml      its configuration
    sockets     pairs of sockets, opened in bulk                     living    half-closes in use
    halfclosed  half-closes that nobody will finish                  load      traffic that must not notice
    packets     segments made by hand, and read                      firewall  the gateway's rules
    tap         what passes an endpoint's wire                       repair    the numbers that a socket's kernel has
    scripted    a host whose TCP is not the kernel's                keeper    a process that holds sockets for another
    ss          the endpoints' own word on their connections         compare   finwaitctl against ss
    case        the test case and its main()                         wait      conditions with deadlines
"""
