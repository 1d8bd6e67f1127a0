"""The soak: mixed real traffic through the gateway for an hour or a day, and everything about finwaitd watched meanwhile.
Behind scripts/soak; the parts that system tests share are in tests/system/harness.

    town      the gateway, four client hosts and three server hosts, NAT and loss     web       nginx, wrk and curl
    sockets   connections between hosts, both ends in one process                     lives     what a connection does
    crowd     many lives at once, at a rate                                           orphans   half-closes that must end
    wrecks    hosts that are switched off, cut off or rebooted                        turmoil   restarts and reloads
    agree     finwaitctl's list against ss on every host                              gauges    a line each minute
    book      what is counted                                                         law       the configuration
    subject   the daemon                                                              verdict   what must hold
    look      ss, under one name for each connection                                  report    all that, in Markdown
"""
