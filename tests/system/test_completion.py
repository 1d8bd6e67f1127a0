"""Completion in bash and zsh: it knows every subcommand and option that the programs have, and asks the daemon for the rest."""

import os
import re
import shutil
import unittest

from harness import case
from harness.command import run
from harness.daemon import binary
from harness.sockets import open_both_versions

COMPLETIONS = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", "completions"))

# Splits the line as readline does with bash's usual COMP_WORDBREAKS; the last argument is the word to be completed.
COMPLETE = r"""
source "$1"
name=$2
shift 2
COMP_WORDS=("$@")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
"_$name"
printf '%s\n' "${COMPREPLY[@]}"
"""


def help_of(program, *words):
    return run(binary(program), *words, "--help").stdout


def options_in(text):
    """Every option that a help text explains: "--sort", "-r"."""
    options = set()
    for line in text.splitlines():
        if found := re.match(r"  (-[\w,-]+)", line):
            options.update(found[1].split(","))
    return options


def subcommands():
    section = help_of("finwaitctl").split("Subcommands:\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in section.splitlines() if line[2] != " "]


def allowed(*words):
    """The words that finwaitctl says it would take instead of a wrong one."""
    said = run(binary("finwaitctl"), *words, check=False).stderr.splitlines()[0]
    listed = re.search(r"allowed: (?:[^;(]*\((?=\w))?([^;)]*)", said)[1]
    return {word for word in listed.split(", ") if word and word != "("}


class Completion(case.SystemTest):
    def complete(self, *words, program="finwaitctl", socket="/nowhere"):
        """What bash offers for the last word; program and socket are put before the others."""
        line = [binary(program), *words]
        done = run("env", f"FINWAITD_SOCKET={socket}", "bash", "--norc", "-c", COMPLETE, "bash",
                   os.path.join(COMPLETIONS, f"{program}.bash"), program, *line)
        self.assertEqual(done.stderr, "")
        return set(done.stdout.split())

    def test_bash_knows_every_subcommand(self):
        self.assertEqual(self.complete(""), set(subcommands()))
        self.assertEqual(self.complete("ex"), {"explain"})
        self.assertEqual(self.complete("--socket", "/s", "--json", "--color", "never", "rel"), {"reload"})
        self.assertEqual(self.complete("--socket", "=", "/s", "--json", "=", "pretty", "rel"), {"reload"})

    def test_bash_knows_every_option_of_every_subcommand(self):
        everywhere = options_in(help_of("finwaitctl"))
        self.assertIn("--socket", everywhere)
        for name in subcommands():
            own = options_in(help_of("finwaitctl", name))
            self.assertEqual(self.complete(name, "-"), everywhere | own, name)
        self.assertEqual(self.complete("list", "--so"), {"--socket", "--sort"})
        self.assertEqual(self.complete("-", program="finwaitd"), options_in(help_of("finwaitd")))

    def test_bash_knows_what_options_take(self):
        for words in (("list", "--color"), ("list", "--output"), ("count", "--by"), ("rules", "--backend")):
            self.assertEqual(self.complete(*words, ""), allowed(*words, "nonsense"), words)
        fields = allowed("list", "--sort", "nonsense")
        self.assertEqual(self.complete("list", "--sort", ""), fields | {f"-{field}" for field in fields})
        self.assertEqual(self.complete("list", "--sort", "-id"), {"-idle"})
        self.assertEqual(self.complete("list", "--json", "="), {"pretty"})
        self.assertEqual(self.complete("list", "--json", "=", "pre"), {"pretty"})

    def test_bash_knows_the_filter_language(self):
        predicates = allowed("list", "port 1 nonsense") | {"\\(", "\\)"}
        for words in (("list",), ("kill", "--yes"), ("count", "port", "80"), ("list", "--json"), ("list", "port", "80", "and")):
            self.assertEqual(self.complete(*words, ""), predicates, words)
        self.assertEqual(self.complete("list", "state", ""), allowed("list", "state", "nonsense"))
        self.assertEqual(self.complete("list", "not", "server-state", "fin-"), {"fin-wait-1", "fin-wait-2"})
        self.assertEqual(self.complete("list", "phase", ""), allowed("list", "phase", "nonsense"))
        self.assertEqual(self.complete("list", "closer", ""), allowed("list", "closer", "nonsense"))
        self.assertEqual(self.complete("list", "idle", ""),
                         {word if word.isalpha() else "\\" + word for word in allowed("list", "idle", "nonsense")})
        self.assertIn("30s", self.complete("list", "idle", "gt", ""))
        self.assertIn("30s", self.complete("list", "idle", "\\>", ""))
        self.assertEqual(self.complete("list", "client", ""), set())

    def test_bash_asks_the_daemon_for_policies_and_ids(self):
        daemon = self.daemon({"policy": [{"name": "web", "match": "port 443", "fin_wait_2": "30s"}]})
        self.closing(open_both_versions(self.lab, 4))
        ids = {flow["id"] for flow in daemon.flows()}
        self.assertEqual(len(ids), 4)
        for subcommand in ("show", "explain"):
            self.assertEqual(self.complete(subcommand, "", socket=daemon.socket), ids)
            self.assertEqual(self.complete("--socket", daemon.socket, subcommand, ""), ids)
            self.assertEqual(self.complete("--socket", "=", daemon.socket, subcommand, ""), ids)
        self.assertEqual(self.complete("list", "policy", "", socket=daemon.socket), {"web", "default"})
        self.assertEqual(self.complete("policy", "--resume", "w", socket=daemon.socket), {"web"})
        self.assertEqual(self.complete("show", ""), set(), "no daemon there")
        first = sorted(ids)[0]
        for words in (("kill",), ("list", "-v"), ("count",), ("events", "--text"), ("kill", first)):
            self.assertIn(first, self.complete(*words, first[:-1], socket=daemon.socket), words)
        self.assertEqual(self.complete("list", "port", first[:-1], socket=daemon.socket), set(), "a port is wanted there")
        self.assertEqual(self.complete("top", first[:-1], socket=daemon.socket), set(), "top takes a filter")

    def test_zsh_names_every_subcommand_and_option(self):
        with open(os.path.join(COMPLETIONS, "_finwaitctl"), encoding="utf-8") as file:
            text = file.read()
        for name in subcommands():
            self.assertRegex(text, rf"'{name}:")
            for option in options_in(help_of("finwaitctl", name)):
                self.assertRegex(text, rf"(?<![\w-]){re.escape(option)}(?![\w-])", name)
        for word in allowed("list", "state", "nonsense") | allowed("list", "--sort", "nonsense"):
            self.assertRegex(text, rf"(?<![\w-]){word}(?![\w-])")
        with open(os.path.join(COMPLETIONS, "_finwaitd"), encoding="utf-8") as file:
            text = file.read()
        for option in options_in(help_of("finwaitd")):
            self.assertIn(option, text)

    @unittest.skipUnless(shutil.which("zsh"), "there is no zsh")
    def test_zsh_can_read_its_functions(self):
        for name in ("_finwaitctl", "_finwaitd"):
            run("zsh", "-n", os.path.join(COMPLETIONS, name))


if __name__ == "__main__":
    case.main()
