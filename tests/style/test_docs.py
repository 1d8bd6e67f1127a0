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


def unit_tests(room):
    """The tests of a unit test program: "Suite.Name"."""
    found = set()
    for path in glob.glob(os.path.join(REPOSITORY, "tests", "unit", room, "*.cpp")):
        found |= {".".join(name) for name in re.findall(r"(?m)^TEST(?:_F)?\((\w+),\s*(\w+)\)", read(path))}
    return found


class Docs(unittest.TestCase):
    def test_messages_are_those_of_the_programs(self):
        said = spoken()
        for document in ("reading-explain.md", "troubleshooting.md"):
            quoted = messages(document)
            self.assertGreater(len(quoted), 5, document)
            for message in quoted:
                with self.subTest(document):
                    self.assertTrue(message in said, f"docs/{document} quotes what no program says: {message}")

    def test_the_tests_that_documents_name_are_there(self):
        for document in ("traps.md", "faults.md", "attacks.md"):
            text = read(os.path.join(DOCS, document))
            for room, suite, name in re.findall(r"`(\w+)\.(\w+)\.(\w+|\*)`", text):
                with self.subTest(document):
                    pattern = re.compile(rf"{suite}\.{'.*' if name == '*' else name}")
                    self.assertTrue(any(pattern.fullmatch(test) for test in unit_tests(room)), f"no {room}.{suite}.{name}")
            for file, case in re.findall(r"`(test_\w+\.py)` ?([A-Z]\w+)?", text):
                with self.subTest(document):
                    path = os.path.join(REPOSITORY, "tests", "system", file)
                    self.assertTrue(os.path.exists(path), f"no tests/system/{file}")
                    if case:
                        self.assertRegex(read(path), rf"(?m)^class {case}\b", f"no class {case} in tests/system/{file}")
            for file in re.findall(r"`(\w+_test\.cpp)`", text):
                with self.subTest(document):
                    found = glob.glob(os.path.join(REPOSITORY, "tests", "unit", "*", file))
                    self.assertTrue(found, f"no {file} in tests/unit")

    def test_the_fuzzers_that_a_document_lists_are_those_that_are_there(self):
        there = {os.path.basename(path)[:-len(".cpp")] for path in glob.glob(os.path.join(REPOSITORY, "tests/fuzz/*.cpp"))}
        sections = read(os.path.join(DOCS, "fuzzing.md")).split("\n## ")
        for section in (sections[0], next(s for s in sections if s.startswith("How long"))):
            self.assertEqual(there - {"replay_main"}, set(re.findall(r"(?m)^\| `(\w+)` \|", section)))

    def test_a_document_that_a_tool_writes_is_written_by_it(self):
        """Others that quote what a tool printed say when, for they are not made new with each change."""
        performance = read(os.path.join(REPOSITORY, "bench", "suite", "document.py"))
        self.assertIn(read(os.path.join(DOCS, "performance.md")).splitlines()[2], performance)
        soak = read(os.path.join(REPOSITORY, "tests", "soak", "report.py"))
        for heading in re.findall(r"(?m)^## (.*)$", read(os.path.join(DOCS, "soak.md")).split("\nWritten by hand:")[0]):
            self.assertIn(f'"## {heading}"', soak)
        for document in ("attacks.md", "fuzzing.md"):
            self.assertRegex(read(os.path.join(DOCS, document)), r"Copied on \d{4}-\d\d-\d\d from what", document)

    def test_links_lead_somewhere(self):
        for path in glob.glob(os.path.join(DOCS, "*.md")):
            for target in re.findall(r"\]\(([^):#]+)\)", read(path)):
                with self.subTest(os.path.basename(path)):
                    self.assertTrue(os.path.exists(os.path.join(DOCS, target)), f"no {target}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
