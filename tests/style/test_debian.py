"""debian/ keeps up with the rest: it asks for what the programs are built with, and has their version."""

import os
import re
import unittest

REPOSITORY = os.path.join(os.path.dirname(__file__), "..", "..")

# Every Debian package may count on a compiler; the rest serves developers.
NOT_ASKED_FOR = {"g++", "ccache", "git", "ca-certificates"}


def read(path):
    with open(os.path.join(REPOSITORY, path), encoding="utf-8") as file:
        return file.read()


def alternatives(text):
    """What may stand for one another, in their order, without spaces and parentheses: "a (>= 1) | b" is "a>=1|b"."""
    return re.sub(r"<!\w+>|[\s()]", "", text)


class Debian(unittest.TestCase):
    def test_it_asks_for_what_building_takes(self):
        needed = set(re.search(r'\[build\]="([^"]*)"', read("scripts/packages"))[1].split()) - NOT_ASKED_FOR
        field = re.search(r"(?ms)^Build-Depends:(.*?)^\S", read("debian/control"))[1]
        asked = {alternatives(entry) for entry in field.split(",")}
        asked |= {entry.split(">=")[0] for entry in asked if "|" not in entry}
        self.assertEqual(set(), needed - asked, "in group build of scripts/packages, not in Build-Depends")

    def test_it_has_the_version_of_the_programs(self):
        self.assertEqual(re.search(r"project\(finwaitd VERSION (\S+)", read("CMakeLists.txt"))[1],
                         re.match(r"finwaitd \((\S+)\)", read("debian/changelog"))[1])


if __name__ == "__main__":
    unittest.main(verbosity=2)
