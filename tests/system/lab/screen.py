"""What the lab prints, in 80 columns: the table that grows while it plays, a listing, the verdict."""

import sys

BOLD, GREEN, RED, PLAIN = ("\033[1m", "\033[32m", "\033[31m", "\033[0m") if sys.stdout.isatty() else ("",) * 4

_HEAD = """
          client closed   server closed   in use               ordinary    RSTs
   time    listed    ss    listed    ss    listed   ss  bytes    listed    sent"""
_ROW = "{:5.1f} s {:8} {:5} {:9} {:5} {:9} {:4} {:6} {:9} {:7}"


def say(text=""):
    print(text, flush=True)


def title(text):
    say(f"\n{BOLD}{text}{PLAIN}")


def introduce(scenario, timeout):
    title("client 10.99.1.2, fd99:1::2 -- gateway -- server 10.99.2.2, fd99:2::2")
    for group in (*scenario.idle, scenario.living, scenario.ordinary):
        say(f"  {group.count:3} connections  {group.title:14} {group.story}")
    say(f"""
Half of each over IPv6. With fin_wait_2 = "{timeout}" finwaitd resets what has been
half-closed and idle for that long: the first two kinds, and no others.
Below, "listed" is what finwaitctl lists, "ss" what the endpoints really have.""")


def table_head():
    say(_HEAD)


def table_row(seconds, scenario, listed, resets):
    """`listed`: the keys of all flows in finwaitctl's list that are not closed."""
    client, server = scenario.idle
    say(_ROW.format(seconds, len(client.keys & listed), scenario.open_in_ss(client), len(server.keys & listed),
                    scenario.open_in_ss(server), len(scenario.living.keys & listed),
                    scenario.open_in_ss(scenario.living), scenario.living.bytes_received(),
                    len(scenario.ordinary.keys & listed), resets))


def excerpt(text, lines=8):
    """The first lines of a listing, cut to the terminal's width."""
    found = text.splitlines()
    for line in found[:lines]:
        say(f"  {line[:78]}")
    if len(found) > lines:
        say(f"  ... and {len(found) - lines} more")


def verdict(rows, notes):
    """`rows`: (what, how many, of how many, comment). True when all are as they should be."""
    title("Verdict, by ss at both ends and by the applications")
    good = True
    for what, found, wanted, comment in rows:
        right = found == wanted
        good &= right
        mark = f"{GREEN}ok    {PLAIN}" if right else f"{RED}WRONG {PLAIN}"
        say(f"  {mark} {found:3} of {wanted:3}  {what:14} {comment}")
    for note in notes:
        say(f"  {note}")
    say(f"\n{GREEN}{BOLD}PASSED{PLAIN}" if good else f"\n{RED}{BOLD}FAILED{PLAIN}")
    return good
