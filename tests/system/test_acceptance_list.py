#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0 OR MIT
"""docs/acceptance.md against the tree: each test that it names exists and is run, each row has one or says why not, and
no case of the acceptance tests is left out."""
import ast
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DOCUMENT = ROOT / "docs/acceptance.md"
CASES = ROOT / "tests/ci/test_mps2_acceptance.py"
END_TO_END_ROWS = 24
PLATFORM_ROWS = 17
NAMED = re.compile(r"`([\w/.]+)::(\w+)`")


def rows():
    """(heading of the section, cells) of each row of a table, without its head."""
    section, found, at = "", [], 0
    lines = DOCUMENT.read_text().splitlines()
    for at, line in enumerate(lines):
        if line.startswith("## "):
            section = line[3:]
        elif line.startswith("| ") and not lines[at + 1].startswith("|---"):
            found.append((section, [cell.strip() for cell in line.strip("| ").split(" | ")]))
    return found


def run_by_python(path):
    """Names of the test methods of classes in a file, and of functions outside of them."""
    methods, functions = set(), set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            functions.add(node.name)
        elif isinstance(node, ast.ClassDef):
            methods |= {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
    return {name for name in methods if name.startswith("test_")}, functions


def run_by(path):
    """What is run of a file: a unit test's functions by its list, a demo's scenario by the table, else test methods."""
    text = path.read_text()
    if path.suffix == ".c":
        return set(re.findall(r"\w+", text[text.rindex("DR_TEST_MAIN("):]))
    methods, functions = run_by_python(path)
    if path.parent.name == "scenarios":
        table = (path.parent / "__init__.py").read_text()
        return {name for name in functions if re.search(rf"\b{path.stem}\.{name}[,)]", table)}
    return methods


class AcceptanceList(unittest.TestCase):
    def test_each_test_that_is_named_is_run(self):
        named = [found for _, cells in rows() for found in NAMED.findall(cells[-1])]
        self.assertGreater(len(named), END_TO_END_ROWS)
        for name, case in named:
            with self.subTest(f"{name}::{case}"):
                path = ROOT / name
                self.assertTrue(path.is_file(), name)
                self.assertRegex(name, r"^tests/(unit/test_|system/test_|ci/test_|nightly/test_|demo/scenarios/)")
                self.assertIn(case, run_by(path))

    def test_each_row_is_there_and_proved(self):
        end_to_end = [cells for section, cells in rows() if section == "End to end"]
        platform = [cells for section, cells in rows() if section == "The platform layer"]
        self.assertEqual([cells[0] for cells in end_to_end], [str(number + 1) for number in range(END_TO_END_ROWS)])
        self.assertEqual(len(platform), PLATFORM_ROWS)
        for cells in end_to_end + platform:
            with self.subTest(cells[0] + " " + cells[1]):
                self.assertEqual(len(cells), 4)
                self.assertTrue(NAMED.findall(cells[3]) or
                                (cells[3] == "none" and cells[2].startswith("not applicable: ")))

    def test_no_case_is_left_out(self):
        named = {case for _, cells in rows() for name, case in NAMED.findall(cells[-1]) if ROOT / name == CASES}
        self.assertEqual(named, run_by(CASES))


if __name__ == "__main__":
    unittest.main(verbosity=2)
