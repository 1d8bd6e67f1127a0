"""The command line of scripts/lab."""

import argparse
import sys

from harness import cleanup
from harness.daemon import Daemon, NotStarted
from harness.topology import Lab
from lab import kept, play, screen


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/lab", description="Shows finwaitd at work between three network "
                                     "namespaces: client, gateway, server. Exit code 0: exactly the connections that "
                                     "should end were ended.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--keep", action="store_true", help="leave it all up to play with, and say how")
    choice.add_argument("--more", type=int, metavar="N", help="N more half-closed connections in a lab that was kept")
    choice.add_argument("--down", action="store_true", help="take down a lab that was kept")
    choice.add_argument("--hold", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def play_and_keep():
    cleanup.at_exit(kept.down)
    good = play.play(*kept.start())
    kept.start_traffic()
    kept.explain()
    cleanup.forget(kept.down)
    return good


def play_once():
    with Lab() as lab, Daemon(lab, play.SETTINGS) as daemon:
        return play.play(lab, daemon)


def main():
    options = arguments()
    if options.down:
        kept.down()
    elif options.hold:
        kept.hold()
    elif options.more is not None:
        if not kept.is_up():
            sys.exit("No lab was kept; start one with: scripts/lab --keep")
        kept.more(options.more)
    elif kept.is_up():
        sys.exit("A lab is up already; take it down with: scripts/lab --down")
    else:
        sys.exit(0 if (play_and_keep if options.keep else play_once)() else 1)


if __name__ == "__main__":
    try:
        main()
    except NotStarted as error:
        screen.say(str(error))
        sys.exit(1)
