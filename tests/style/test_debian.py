"""debian/ keeps up with the rest: it asks for what the programs are built with, and has their version."""

import os
import re
import subprocess
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

    def test_what_is_installed_ends_no_connection_and_is_else_what_the_repository_has(self):
        installed = os.environ["FINWAITD_INSTALLED"]
        ours = os.path.join(REPOSITORY, "etc", "finwaitd.toml")
        now, default = ({*printed(file).splitlines()} for file in (installed, ours))
        self.assertEqual({'mode = "observe"'}, now - default)
        self.assertEqual({'mode = "enforce"'}, default - now)
        with open(installed, encoding="utf-8") as file:
            text = file.read()
        self.assertIn('write "enforce" here', text)
        self.assertIn("finwaitctl reload", text)

    def test_who_installs_it_is_told_how_to_let_it_act(self):
        for path in ("debian/finwaitd.postinst", "debian/README.Debian", "README.md"):
            with self.subTest(path):
                self.assertIn("observe", read(path))
        self.assertIn('mode = "enforce"', read("debian/README.Debian"))
        self.assertIn("README.Debian", read("debian/finwaitd.postinst"))
        self.assertIn("#DEBHELPER#", read("debian/finwaitd.postinst"))


def printed(config):
    """Every key with the value in force."""
    return subprocess.run([os.path.join(os.environ["FINWAITD_BIN"], "finwaitd"), "--config", config, "--print-config"],
                          capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    unittest.main(verbosity=2)
