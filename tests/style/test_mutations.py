"""scripts/mutate can make each of its errors, and docs/mutations.md is what it has written: no row is missing, none is of an
error that it does not make, and each test that a row names is there."""

import glob
import importlib.machinery
import importlib.util
import os
import re
import sys
import unittest

REPOSITORY = os.path.join(os.path.dirname(__file__), "..", "..")
TESTS = {"unit_tcp": "tests/unit/tcp", "unit_reaper": "tests/unit/reaper", "unit_engine": "tests/unit/engine", "sim_test": "tests/sim"}


def script():
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("mutate", os.path.join(REPOSITORY, "scripts", "mutate"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("mutate", loader))
    loader.exec_module(module)
    return module


def read(path):
    with open(os.path.join(REPOSITORY, path), encoding="utf-8") as file:
        return file.read()


def tests_of(program):
    found = set()
    for path in glob.glob(os.path.join(REPOSITORY, TESTS[program], "*.cpp")):
        found |= {".".join(name) for name in re.findall(r"(?m)^TEST(?:_F)?\((\w+),\s*(\w+)\)", read(path))}
    return found


class Mutations(unittest.TestCase):
    def setUp(self):
        self.mutate = script()

    def test_the_text_of_each_error_stands_in_its_file_exactly_once(self):
        for name, path, old, new in self.mutate.MUTATIONS:
            with self.subTest(name):
                self.assertEqual(1, read(path).count(old), f"scripts/mutate: {path} should have one place that reads: {old}")
                self.assertNotEqual(old, new)

    def test_no_two_errors_have_the_same_name(self):
        names = [name for name, *_ in self.mutate.MUTATIONS]
        self.assertEqual(sorted(set(names)), sorted(names))

    def test_the_document_is_what_the_script_writes(self):
        document = read("docs/mutations.md")
        rows = self.mutate.rows_of(document)
        self.assertEqual([name for name, *_ in self.mutate.MUTATIONS], list(rows), "run scripts/mutate --write")
        self.assertEqual(self.mutate.document(rows), document)

    def test_a_test_that_is_there_notices_each_error(self):
        known = [tests_of(program) for program in self.mutate.PROGRAMS]
        for name, row in self.mutate.rows_of(read("docs/mutations.md")).items():
            cells = row.strip("| ").split(" | ")[1:]
            with self.subTest(name):
                self.assertTrue(any(cell != "-" for cell in cells), "no test notices it")
                for cell, tests in zip(cells, known):
                    if re.fullmatch(r"\w+\.\w+", cell):
                        self.assertIn(cell, tests, "gone or renamed: scripts/mutate --write makes its row new")


if __name__ == "__main__":
    unittest.main(verbosity=2)
