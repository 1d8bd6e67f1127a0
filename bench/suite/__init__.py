"""scripts/bench: what is measured, one file a kind; how a result is kept, shown and drawn.

    core         the core alone                                       site      namespaces, and what runs on the gateway
    throughput   bulk data, connections per second                    tools     the load makers, steered by lines
    traffic      small packets, latency, system calls                 result    samples, medians, numbers to reach, JSON
    population   memory, a listing, the start, with a million flows   table svg document machine     the output
    storm        a hundred thousand expiries
"""
