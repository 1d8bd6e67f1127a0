"""The status page in a browser (Chromium without a window): what it shows is what the daemon says, and what is typed into it
stays text. With FINWAITD_SCREENSHOTS=DIRECTORY it also takes pictures: light, dark and narrow."""

import base64
import hashlib
import html
import os
import re
import shutil
import tempfile
import urllib.parse

from harness import case, halfclosed
from harness.sockets import open_both_versions
from harness.wait import until
from harness.web import Web

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PAGE = "http://127.0.0.1:9652/"
DARK = "--blink-settings=preferredColorScheme=0"
LIGHT = "--blink-settings=preferredColorScheme=1"
PICTURES = os.environ.get("FINWAITD_SCREENSHOTS")
# Policies and half-closed connections of several kinds: there is something to see.
SETTINGS = {"mode": "observe", "timeouts": {"fin_wait_2": "2s"},
            "policy": [{"name": "web", "match": "port 443 and closer server", "fin_wait_2": "30s"},
                       {"name": "patient", "match": "client 10.99.1.0/24 and closer client", "fin_wait_2": "1h"}]}


def text_of(fragment):
    return html.unescape(re.sub(r"<[^>]*>", "", fragment)).strip()


class Dom:
    """A page as its browser left it."""

    def __init__(self, source):
        self.source = source

    def attribute(self, name):
        return re.search(rf'<body[^>]*{name}="([^"]*)"', self.source)[1]

    def inside(self, element):
        """What stands in the element with this id."""
        tag = re.search(rf'<(\w+)[^>]*\bid="{element}"', self.source)[1]
        return re.search(rf'<{tag}[^>]*\bid="{element}"[^>]*>(.*?)</{tag}>', self.source, re.S)[1]

    def text(self, element):
        return text_of(self.inside(element))

    def rows(self, element):
        return [[text_of(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S)]
                for row in re.findall(r"<tr[^>]*>(.*?)</tr>", self.inside(element), re.S)]


class Page(case.SystemTest):
    def setUp(self):
        super().setUp()
        if not CHROMIUM:
            self.skipTest("there is no Chromium (package chromium): the page is not looked at")

    def browse(self, *options, filter_words=""):
        with tempfile.TemporaryDirectory(prefix="finwaitd-page-") as profile:
            address = PAGE + ("#" + urllib.parse.quote(filter_words) if filter_words else "")
            return self.lab.gateway.run(CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                                        f"--user-data-dir={profile}", "--no-first-run", "--disable-background-networking",
                                        "--virtual-time-budget=6000", *options, address, timeout=60)

    def dom(self, filter_words=""):
        return Dom(self.browse("--dump-dom", filter_words=filter_words).stdout)

    def population(self):
        daemon = self.daemon(SETTINGS)
        made = halfclosed.make(self.lab, 24)
        self.closing(h.pair for h in made)
        self.closing(open_both_versions(self.lab, 10))
        self.assertTrue(until(lambda: daemon.stats()["flows.half_closed"] == 24, 10), daemon.stats())
        self.assertTrue(until(lambda: daemon.stats()["resets.observed"] == 18, 10), daemon.stats())
        return daemon

    def test_it_shows_what_the_daemon_says(self):
        daemon = self.population()
        dom = self.dom()
        self.assertEqual((dom.attribute("data-live"), dom.text("live"), dom.text("mode")), ("yes", "Live", "observing only"))
        self.assertEqual({row[0] for row in dom.rows("rows")}, {flow["id"] for flow in Web(self.lab.gateway).flows()["flows"]})
        self.assertEqual(dom.text("found"), "24 connections")
        states = {row[0]: int(row[1].replace(",", "")) for row in dom.rows("states")}
        self.assertEqual(states, daemon.stats()["flows.by_state"])
        self.assertEqual(sum(int(row[1]) for row in dom.rows("ages")), 24)
        policies = {row[0]: row for row in dom.rows("policies")}
        self.assertEqual(list(policies), ["web", "patient", "default"])
        self.assertEqual(policies["default"][10], "18", "observed")
        self.assertIn("half-closed", dom.source.lower())
        if PICTURES:
            self.take_pictures()

    def take_pictures(self):
        for name, size, colours in (("light", "1280,1800", LIGHT), ("dark", "1280,1800", DARK), ("narrow", "500,2600", LIGHT)):
            self.browse(f"--screenshot={PICTURES}/page-{name}.png", f"--window-size={size}", "--hide-scrollbars", colours)

    def test_a_filter_picks_and_an_error_points_at_its_column(self):
        self.population()
        dom = self.dom("closer server and client 10.99.1.0/24")
        self.assertEqual({row[3] for row in dom.rows("rows")}, {"server"})
        self.assertEqual(dom.text("found"), "6 connections")
        wrong = self.dom("port 80 <img src=x onerror=alert(1)>")
        self.assertEqual(wrong.attribute("data-flows"), "error")
        shown = html.unescape(re.search(r"<pre>(.*?)</pre>", wrong.inside("problem"), re.S)[1]).splitlines()
        self.assertEqual((shown[0], shown[1].index("^")), ("port 80 <img src=x onerror=alert(1)>", len("port 80 ")))
        self.assertNotIn("<img", wrong.source, "what was typed has become an element")

    def test_its_policy_admits_just_the_style_and_the_script_that_it_has(self):
        self.daemon()
        _, headers, page = Web(self.lab.gateway).get("/")
        policy = headers["Content-Security-Policy"]
        for tag, directive in (("style", "style-src"), ("script", "script-src")):
            inline = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.S)[1]
            digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
            self.assertIn(f"{directive} 'sha256-{digest}'", policy)
        self.assertNotRegex(page, r'\son\w+=|\sstyle=|(src|href)="(https?:)?//', "inline handlers, styles, or things from outside")

    def test_readers_who_do_not_see_it_find_their_way(self):
        self.daemon()
        page = Web(self.lab.gateway).get("/")[2]
        tables = re.findall(r"<table[^>]*>(.*?)</table>", page, re.S)
        self.assertGreaterEqual(len(tables), 5)
        for table in tables:
            self.assertRegex(table, r"<caption")
            self.assertNotRegex(table, r"<th(?![^>]*scope=)(?!ead)", "a heading that heads nothing")
        self.assertRegex(page, r'<html lang="en">')
        self.assertRegex(page, r'<label for="filter">')
        self.assertRegex(page, r'role="status" aria-live="polite"')
        for chart in re.findall(r"<svg[^>]*>", page):
            self.assertRegex(chart, r'role="img" aria-label="')
        for scrolled in re.findall(r'<div class="scroll"[^>]*>', page):
            self.assertRegex(scrolled, r'tabindex="0"', "by keyboard, too")


if __name__ == "__main__":
    case.main()
