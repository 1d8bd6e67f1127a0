"""Operators' documents quote the programs as they speak, and point to files that are there."""

import glob
import os
import re
import unittest

REPOSITORY = os.path.join(os.path.dirname(__file__), "..", "..")
DOCS = os.path.join(REPOSITORY, "docs")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def spoken():
    """All that the programs can say: their string literals, with those that the compiler joins joined."""
    text = ""
    for folder in ("src", "ctl", "daemon"):
        for path in sorted(glob.glob(os.path.join(REPOSITORY, folder, "**", "*.[ch]pp"), recursive=True)):
            text += re.sub(r'"\s*\n?\s*"', "", read(path)) + "\n"
    return text.replace('\\"', '"')


def messages(document):
    """What stands in backticks in the first column of its tables."""
    cells = re.findall(r"(?m)^\| ?(`[^|]*) \|", read(os.path.join(DOCS, document)))
    return [quoted for cell in cells for quoted in re.findall(r"`([^`]{12,})`", cell)]


class Docs(unittest.TestCase):
    def test_messages_are_those_of_the_programs(self):
        said = spoken()
        for document in ("reading-explain.md", "troubleshooting.md"):
            quoted = messages(document)
            self.assertGreater(len(quoted), 5, document)
            for message in quoted:
                with self.subTest(document):
                    self.assertTrue(message in said, f"docs/{document} quotes what no program says: {message}")

    def test_links_lead_somewhere(self):
        for path in glob.glob(os.path.join(DOCS, "*.md")):
            for target in re.findall(r"\]\(([^):#]+)\)", read(path)):
                with self.subTest(os.path.basename(path)):
                    self.assertTrue(os.path.exists(os.path.join(DOCS, target)), f"no {target}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
