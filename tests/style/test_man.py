"""The manual pages are well-formed, and say what the programs say of themselves: every configuration key with its
default and range, every subcommand, option and filter word."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

import manual

SKIPPED = 77
BIN = os.environ["FINWAITD_BIN"]


def run(program, *args):
    done = subprocess.run([os.path.join(BIN, program), *args], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def finwaitd(config, *args):
    with tempfile.TemporaryDirectory(prefix="finwaitd-test-") as folder:
        file = os.path.join(folder, "finwaitd.toml")
        with open(file, "w", encoding="utf-8") as out:
            out.write(config)
        return run("finwaitd", "--config", file, *args)


def settings(config=""):
    """What --print-config prints: (table, key) → value, in TOML."""
    values, table = {}, ""
    for line in finwaitd(config, "--print-config").splitlines():
        if line.startswith("["):
            table = line.strip("[]")
        elif " = " in line:
            key, value = line.split(" = ", 1)
            values[table, key] = value
    return values


def allowed():
    """What each key may be, as finwaitd says it of a value that none may be: (table, key) → text."""
    lines, last = [], ""
    for table, key in settings():
        lines += [f"[{table}]"] if table != last else []
        lines.append(f"{key} = []")
        last = table
    found = re.findall(r"(?m)^\S+: (?:(\w+)\.)?(\w+): found an array; allowed: (.*)$", finwaitd("\n".join(lines), "--check"))
    return {(table, key): text for table, key, text in found}


def bounds(text):
    """The numbers and words that stand in such a text, but for examples."""
    return re.findall(r'"[^"]*"|\d[\d.]*', re.sub(r',? such as ("[^"]*"(, | or )?)+', " ", text))


def options(text):
    """The long options that a --help explains."""
    return [name for name in re.findall(r"(?m)^  +(?:-\w,)?(--[\w-]+)", text) if name != "--help"]


def filter_words(wrong):
    """What the error of a filter names as allowed."""
    listed = re.search(r"(?m)allowed: (?:an? [^(\n]*\()?(.*?)\)?$", run("finwaitctl", "count", wrong))
    return listed[1].split(", ")


class Lint(unittest.TestCase):
    def test_mandoc_has_nothing_to_say(self):
        for page in sorted(os.listdir(manual.PAGES)):
            with self.subTest(page):
                done = subprocess.run(["mandoc", "-T", "lint", os.path.join(manual.PAGES, page)], check=False,
                                      capture_output=True, text=True)
                # Whether a page is installed here has nothing to do with ours.
                self.assertEqual([], [line for line in (done.stdout + done.stderr).splitlines()
                                      if not re.search(r"not found: Xr|mandoc\.db", line)])

    def test_pages_refer_to_pages_that_are_there(self):
        for page in sorted(os.listdir(manual.PAGES)):
            with open(os.path.join(manual.PAGES, page), encoding="utf-8") as file:
                for name, section in re.findall(r"(?m)^\.Xr (finwait\S+) (\d)", file.read()):
                    with self.subTest(page):
                        self.assertIn(f"{name}.{section}", os.listdir(manual.PAGES))


class Configuration(unittest.TestCase):
    def setUp(self):
        self.items = {(item.subsection.strip("[]") if "[" in item.subsection else "", item.tag.split(" = ")[0]): item
                      for item in manual.items("finwaitd.toml.5") if item.section == "KEYS"}

    def test_every_key_stands_there_with_its_default(self):
        for (table, key), value in settings().items():
            with self.subTest(f"[{table}] {key}"):
                item = self.items.get((table, key))
                self.assertIsNotNone(item, f"finwaitd.toml(5) lacks [{table}] {key} = {value}")
                self.assertEqual(item.tag, f"{key} = {value}", f"the default of [{table}] {key} in finwaitd.toml(5)")

    def test_no_other_key_stands_there(self):
        described = {place for place, item in self.items.items() if " = " in item.tag}
        self.assertEqual(set(), described - set(settings()), "in finwaitd.toml(5), and finwaitd does not know it")

    def test_every_key_stands_there_with_its_range(self):
        ranges = allowed()
        self.assertEqual(set(settings()), set(ranges), "finwaitd --check does not say of each key what is allowed")
        for (table, key), text in ranges.items():
            for bound in bounds(text):
                with self.subTest(f"[{table}] {key}"):
                    item = self.items.get((table, key))
                    self.assertTrue(item and item.says(bound),
                                    f"finwaitd.toml(5) does not say {bound} of [{table}] {key}; allowed: {text}")

    def test_the_profiles_stand_there(self):
        names = ("conservative", "normal", "aggressive")
        profiles = [settings(f'profile = "{name}"\n') for name in names]
        wanted = {key: [profile["timeouts", key].strip('"') for profile in profiles]
                  for table, key in settings() if table == "timeouts"
                  and len({profile["timeouts", key] for profile in profiles}) > 1}
        page = [line.split() for line in manual.render("finwaitd.toml.5")]
        rows = page[page.index(["key", *names]) + 1:]
        shown = {row[0]: row[1:] for row in rows[:rows.index([])]}
        self.assertEqual(wanted, shown, "the table of profiles in finwaitd.toml(5)")


class Programs(unittest.TestCase):
    def assert_says(self, page, item, words, where):
        for word in words:
            self.assertTrue(item.says(word), f"{page} lacks {word} of {where}")

    def test_every_option_of_finwaitd_stands_there(self):
        page = manual.items("finwaitd.8")
        for option in options(run("finwaitd", "--help")):
            with self.subTest(option):
                self.assertTrue(any(item.tag.startswith(option) for item in page), f"finwaitd(8) lacks {option}")

    def test_every_subcommand_of_finwaitctl_stands_there_with_its_options(self):
        page = manual.items("finwaitctl.8")
        described = {item.tag.split()[0]: item for item in page if item.section == "SUBCOMMANDS"}
        text = run("finwaitctl", "--help")
        names = re.findall(r"(?m)^  (\w\S*)", text[text.index("Subcommands:"):].split("\n\n")[0])
        self.assertEqual([], sorted(set(described) - set(names)), "in finwaitctl(8), and finwaitctl does not know it")
        for name in names:
            with self.subTest(name):
                self.assertIn(name, sorted(described), f"finwaitctl(8) lacks the subcommand {name}")
                taken = options(run("finwaitctl", name, "--help"))
                self.assert_says("finwaitctl(8)", described[name], taken, name)
                shown = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", described[name].text))
                self.assertEqual(set(), shown - set(taken), f"in finwaitctl(8), and finwaitctl {name} does not take it")

    def test_every_option_for_all_subcommands_stands_there(self):
        tags = " ".join(item.tag for item in manual.items("finwaitctl.8") if item.section == "OPTIONS")
        for option in options(run("finwaitctl", "--help")):
            with self.subTest(option):
                self.assertRegex(tags, rf"{option}\b", f"OPTIONS of finwaitctl(8) lacks {option}")


class TabSeparated(unittest.TestCase):
    def header(self):
        """The fields' names as finwaitctl prints them, of a daemon that has no flows."""
        with tempfile.TemporaryDirectory(prefix="finwaitd-test-") as folder:
            path = os.path.join(folder, "control.sock")
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(path)
                listener.listen()
                listener.settimeout(30)
                asking = subprocess.Popen([os.path.join(BIN, "finwaitctl"), "--socket", path, "list", "-v", "-o", "tsv"],
                                          stdout=subprocess.PIPE, text=True)
                with listener.accept()[0] as connection:
                    connection.makefile().readline()
                    connection.sendall(b'{"done":{}}\n')
                return asking.communicate(timeout=30)[0].split()

    def test_the_fields_stand_there_in_their_order(self):
        described = [re.sub(r"^\d+\. +", "", item.text).strip() for item in manual.items("finwaitctl.8")
                     if item.section == "TAB-SEPARATED OUTPUT" and re.match(r"\d+\.", item.tag)]
        self.assertEqual(self.header(), described, "the fields of list -v -o tsv in finwaitctl(8)")


class Filter(unittest.TestCase):
    def setUp(self):
        self.page = manual.items("finwait-filter.7")

    def text(self, subsection, tag=""):
        found = [item for item in self.page if item.subsection == subsection and item.tag.startswith(tag)]
        return " ".join(item.text for item in found).replace(",", " ").split()

    def test_every_word_of_the_language_stands_there(self):
        tags = {word for item in self.page if item.subsection in ("Predicates", "Words between them")
                for word in item.tag.split()}
        for word in filter_words("port 80 no-such-word"):
            with self.subTest(word):
                self.assertIn(word, tags, "what finwait-filter(7) explains")

    def test_every_value_stands_there(self):
        for wrong, tag in (("state no-such-state", "STATE"), ("phase no-such-phase", "PHASE"),
                           ("idle no-such-sign", "COMPARISON")):
            explained = [word.rstrip(".;") for word in self.text("Values", tag)]
            for word in filter_words(wrong):
                with self.subTest(word):
                    self.assertIn(word, explained, f"what finwait-filter(7) says of {tag}")


if __name__ == "__main__":
    if not shutil.which("mandoc"):
        print("skipped: needs mandoc")
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
