"""The judge: random lives of real connections, lived through the gateway, and what finwaitctl lists of them held
against `ss` at both ends. Behind scripts/judge and test_judge.py.

    life      what a connection goes through, as a plain value     play      the life, lived by two real sockets
    loss      segments lost before the gateway and behind it       look      ss, the list, ss again: what counts
    bench     rounds of lives, one after the other                 capture   what passed the gateway, kept by tcpdump
    report    for people
"""
