"""A manual page as a reader sees it: rendered by mandoc, and taken apart into the items of its lists."""

import os
import re
import subprocess

PAGES = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "man")

SECTION, SUBSECTION, ITEM = 0, 3, 5  # how far mandoc indents each


class Item:
    """An entry of a list: its tag, what it says (tag included), and where it stands."""

    def __init__(self, section, subsection, tag):
        self.section = section
        self.subsection = subsection
        self.tag = tag
        self.text = tag

    def says(self, word):
        """Whether the word, option or number stands in it by itself."""
        return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", self.text) is not None


def render(page):
    """The page's text, without its running head and foot, on lines wide enough for all but paragraphs."""
    done = subprocess.run(["mandoc", "-T", "ascii", "-O", "width=160", os.path.join(PAGES, page)], check=True,
                          capture_output=True, text=True)
    return re.sub(".\x08", "", done.stdout).splitlines()[1:-1]


def items(page):
    """The items of the page's outermost lists, in order. Each has the items of lists within it in its text."""
    found, section, subsection, open_item = [], "", "", None
    for line in render(page):
        depth, text = len(line) - len(line.lstrip()), line.strip()
        if not text:
            continue
        if depth == SECTION:
            section, subsection, open_item = text, "", None
        elif depth == SUBSECTION:
            subsection, open_item = text, None
        elif depth == ITEM:
            tag, _, rest = text.partition("  ")
            open_item = Item(section, subsection, tag)
            open_item.text += " " + rest.strip()
            found.append(open_item)
        elif open_item:
            open_item.text += " " + text
    return found
