"""The parts of scripts/bench that compute and draw: no root, no namespaces, no finwaitd."""

import os
import sys
import tempfile
import unittest
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))

from suite import core, document, storm, svg, table  # noqa: E402
from suite.result import Curves, Figure, Result, Samples, interleave, ratio  # noqa: E402

MACHINE = {"processor": "a <fast> one", "processors": 2, "memory": "8 GiB", "kernel": "6.1", "virtual": "", "system": "Debian",
           "compiler": "g++", "commit": "abc"}


def result(name="bulk", quick=False):
    made = Result(name, "Bulk throughput", "Streams.", rounds=3, quick=quick, machine=MACHINE)
    samples = made.sampled("Throughput", "Gbit/s")
    samples.arms = {"no rules": [10.0, 12.0, 11.0], "selective": [10.0, 11.5, 11.0]}
    made.figure("bulk, selective / no rules", samples.ratio("selective", "no rules"), least=0.97)
    made.figure("failed", 3, most=0)
    made.figure("just told", 0.25, "s")
    made.curves.append(Curves("Cost", "flows", "ns", {"a": [[1000, 60], [1_000_000, 480]]}, logarithmic=True))
    return made


class Numbers(unittest.TestCase):
    def test_a_ratio_is_of_medians_and_one_wild_round_does_not_move_it(self):
        self.assertEqual(ratio([9, 10, 99], [20, 1, 20]), 0.5)

    def test_there_is_no_ratio_to_nothing(self):
        self.assertIsNone(ratio([1], []))
        self.assertIsNone(ratio([1], [0]))
        self.assertIsNone(Samples("x", "y").ratio("a", "b"))

    def test_a_number_is_met_at_its_limit_and_missed_beyond_or_when_it_could_not_be_measured(self):
        self.assertTrue(Figure("x", 0.97, least=0.97).met)
        self.assertFalse(Figure("x", 0.969, least=0.97).met)
        self.assertTrue(Figure("x", 128, most=128).met)
        self.assertFalse(Figure("x", 129, most=128).met)
        self.assertFalse(Figure("x", None, most=128).met)
        self.assertIsNone(Figure("x", 1).met)

    def test_every_round_measures_every_arm_and_begins_with_another_one(self):
        order = []
        interleave(["a", "b", "c"], 3, order.append)
        self.assertEqual("".join(order), "abcbcacab")

    def test_a_rate_is_taken_from_the_samples_within_its_time_only(self):
        samples = [[0.0, 0], [1.0, 100], [2.0, 200], [3.0, 210], [4.0, 220]]
        self.assertEqual(storm.rate_between(samples, 0, 2), 100)
        self.assertEqual(storm.rate_between(samples, 2, 4), 10)
        self.assertIsNone(storm.rate_between(samples, 2.5, 3.5))
        self.assertEqual(storm.rates(samples, 2.0)[-1], [2.0, 10])

    def test_a_benchmarks_repetitions_are_collected_under_what_it_varies(self):
        def entry(name, seconds, kind="iteration"):
            return {"run_name": name, "name": name, "run_type": kind, "per_packet": seconds}
        name = "engine/flows:1000/order:1/kind:2/manual_time"
        found = core.collect([entry(name, 60e-9), entry(name, 62e-9), entry(name, 61e-9, "aggregate"),
                              entry("parse/kind:1/manual_time", 9e-9)])
        self.assertEqual({key: [round(v) for v in values] for key, values in found.items()},
                         {("engine", 1000, 1, 2): [60, 62], ("parse", 0, 0, 1): [9]})

    def test_a_benchmark_that_failed_is_an_error(self):
        with self.assertRaisesRegex(RuntimeError, "engine: not so"):
            core.collect([{"name": "engine", "error_occurred": True, "error_message": "not so"}])


class Output(unittest.TestCase):
    def test_numbers_have_three_digits_that_count(self):
        self.assertEqual([table.number(n) for n in (0, 1, 0.96789, 1.5, 12.34, 765.4, 771866.2, None)],
                         ["0", "1", "0.968", "1.50", "12.3", "765", "771 866", "–"])

    def test_the_table_names_medians_numbers_to_reach_and_what_was_missed(self):
        text = table.text(result())
        self.assertIn("  no rules              11     10    12\n", text)
        self.assertIn("bulk, selective / no rules        1  ≥ 0.97     met\n", text)
        self.assertIn("failed                            3     ≤ 0  missed\n", text)

    def test_the_summary_counts_only_what_is_to_be_reached(self):
        self.assertTrue(table.summary([result()]).endswith("1 met, 1 missed"))
        self.assertEqual(table.summary([Result("x", "y")]), "")

    def test_a_result_survives_its_json(self):
        with tempfile.TemporaryDirectory() as directory:
            self.assertEqual(Result.load(result().save(directory)), result())

    def test_plots_are_well_formed_and_show_every_arm(self):
        made = result()
        bars = xml.etree.ElementTree.fromstring(svg.bars(made.samples[0]))
        shown = [element.text for element in bars.iter() if element.tag.endswith("text")]
        self.assertEqual([text for text in shown if text in ("no rules", "selective")], ["no rules", "selective"])
        lines = xml.etree.ElementTree.fromstring(svg.curves(made.curves[0]))
        points = next(element.get("points") for element in lines.iter() if element.tag.endswith("polyline"))
        (x1, y1), (x2, y2) = (map(float, point.split(",")) for point in points.split())
        self.assertLess(x1, x2)
        self.assertGreater(y1, y2)  # more is higher up

    def test_a_plot_of_nothing_is_still_a_plot(self):
        xml.etree.ElementTree.fromstring(svg.curves(Curves("Nothing", "x", "y", {})))
        xml.etree.ElementTree.fromstring(svg.bars(Samples("Nothing", "x")))

    def test_the_document_has_the_machine_the_numbers_and_the_plots_that_it_shows_and_no_older_ones(self):
        with tempfile.TemporaryDirectory() as directory:
            os.mkdir(os.path.join(directory, "performance"))
            with open(os.path.join(directory, "performance", "old.svg"), "w", encoding="utf-8"):
                pass
            with open(document.write([result()], directory), encoding="utf-8") as file:
                text = file.read()
            self.assertIn("2 processors (a <fast> one), 8 GiB; Linux 6.1, Debian, g++", text)
            self.assertIn("| failed | 3 | ≤ 0 | missed |", text)
            plots = sorted(os.listdir(os.path.join(directory, "performance")))
            self.assertEqual(plots, ["bulk-cost.svg", "bulk-throughput.svg"])
            self.assertTrue(all(f"(performance/{plot})" in text for plot in plots))


if __name__ == "__main__":
    unittest.main(verbosity=2)
