"""docs/threats.md names the tests of each threat, and no others."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHOWN = {*range(1, 22), 23, 25, *range(28, 34)}  # the others are about the console


def marked() -> dict[int, set[str]]:
    """Test modules by the row that they are marked with."""
    found: defaultdict[int, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text()
        if "mark.threat(" not in text or path == Path(__file__):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.threat":
                [row] = node.args
                assert isinstance(row, ast.Constant)
                found[row.value].add(str(path.relative_to(ROOT)))
    return dict(found)


def documented() -> dict[int, set[str]]:
    rows = re.findall(r"^\| (\d+) \|.*$", text := (ROOT / "docs/threats.md").read_text(), re.M)
    lines = [line for line in text.splitlines() if re.match(r"\| \d+ \|", line)]
    return {int(row): set(re.findall(r"`(tests/[^`]+)`", line)) for row, line in zip(rows, lines, strict=True)}


@pytest.mark.parametrize("row", sorted(SHOWN))
def test_every_threat_has_its_tests_and_names_them(row: int) -> None:
    assert documented()[row] == marked()[row] != set()


def test_no_other_rows() -> None:
    assert documented().keys() == marked().keys() == SHOWN
