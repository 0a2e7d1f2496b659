"""docs/conformance.md: which test module shows which section of which RFC, and which acceptance rule.

Read from the markers in the source of the tests, without running or importing any: it costs a fraction of a second, and
a test that is skipped on this machine counts as on any other. ``pytest --conformance`` writes the file.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
DOCUMENT = TESTS.parent / "docs" / "conformance.md"

# What a registrar, proxy and redirect server has to do with (RFC 3261); 11 to 15 and 21 are for user agents.
CHAPTERS = ("7", "8", "9", "10", "16", "17", "18", "19", "20", "22")
RULES = {"R": ("Registrar", 38), "X": ("Transport and transactions", 16), "P": ("Proxy", 33), "D": ("Redirect", 10)}

Section = tuple[str, str]  # RFC, section


def section_titles() -> dict[str, str]:
    """Headings of RFC 3261, by section."""
    text = (Path(__file__).parent / "rfc3261_sections.txt").read_text()
    return dict(line.split(" ", 1) for line in text.splitlines())


def other_titles() -> dict[Section, str]:
    """Headings of what the other RFCs ask of a server of this kind, by RFC and section."""
    text = (Path(__file__).parent / "other_sections.txt").read_text()
    rows = (line.split(" ", 2) for line in text.splitlines())
    return {(number, section): title for number, section, title in rows}


def rule_ids() -> list[str]:
    return [f"{letter}{number:02}" for letter, (_, count) in RULES.items() for number in range(1, count + 1)]


class Shown:
    """What the tests show: modules by section and by rule, as paths below tests/."""

    def __init__(self) -> None:
        self.sections: defaultdict[Section, set[str]] = defaultdict(set)
        self.rules: defaultdict[str, set[str]] = defaultdict(set)

    def read(self, source: str, module: str) -> None:
        """Add the markers of one test module; ValueError for one that is no plain literal."""
        for kind, values in _markers(ast.parse(source), module):
            if kind == "rule":
                for value in values:
                    self.rules[value].add(module)
            else:
                number, section = values
                self.sections[number, section].add(module)


def _markers(tree: ast.Module, module: str) -> Iterator[tuple[str, list[str]]]:
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr not in ("rfc", "rule") or ast.unparse(node.func.value) != "pytest.mark":
            continue
        values = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
        strings = [value for value in values if isinstance(value, str)]
        if len(strings) != len(node.args) or not strings or (node.func.attr == "rfc" and len(strings) != 2):
            raise ValueError(f"{module}:{node.lineno}: {ast.unparse(node)} cannot be read without running it")
        yield node.func.attr, strings


def shown_by_tests() -> Shown:
    """The markers of all test modules."""
    shown = Shown()
    for path in sorted(TESTS.rglob("test_*.py")):
        shown.read(path.read_text(), path.relative_to(TESTS).as_posix())
    return shown


def untested_sections(tested: Iterable[str]) -> list[str]:
    """Sections in scope that have no test, neither themselves nor by a subsection."""
    known = list(tested)
    return [
        section
        for section in section_titles()
        if section.partition(".")[0] in CHAPTERS
        and not any(one == section or one.startswith(f"{section}.") for one in known)
    ]


def untested_elsewhere(tested: Iterable[Section]) -> list[Section]:
    """The same for the other RFCs."""
    known = list(tested)
    return [
        (number, section)
        for number, section in other_titles()
        if not any(rfc == number and (one == section or one.startswith(f"{section}.")) for rfc, one in known)
    ]


def render(shown: Shown) -> str:
    """The document."""
    titles = section_titles()
    tested = [section for number, section in shown.sections if number == "3261"]
    without = untested_sections(tested)
    rules = rule_ids()
    elsewhere = untested_elsewhere(shown.sections)
    others = other_titles()
    missing_rules = [rule for rule in rules if rule not in shown.rules]
    lines = [
        "# Conformance",
        "",
        "Which tests show which section and which rule; modules are paths below `tests/`. Generated from the tests'",
        "markers by `pytest --conformance`; a test fails when this file is stale. That a section is listed",
        "says that it has a test, not that every sentence of it has one.",
        "",
        "## RFC 3261",
        "",
        "| section | | tests |",
        "|---|---|---|",
        *(
            f"| {section} | {titles[section]} | {_modules(shown.sections['3261', section])} |"
            for section in sorted(tested, key=_order)
        ),
        "",
        "### Without a test",
        "",
        f"Sections of RFC 3261 {_chapters()} that no test names, itself or in a subsection: {len(without)}.",
        "",
        *(f"- {section} {titles[section]}" for section in without),
        "",
        "## Other RFCs",
        "",
        "| RFC | section | | tests |",
        "|---|---|---|---|",
        *(
            f"| {one[0]} | {one[1]} | {others.get(one, '')} | {_modules(shown.sections[one])} |"
            for one in sorted(shown.sections, key=lambda one: (int(one[0]), _order(one[1])))
            if one[0] != "3261"
        ),
        "",
        f"Sections of these that ask something of a server of this kind and that no test names: {len(elsewhere)}.",
        "",
        *(f"- RFC {number} §{section} {others[number, section]}" for number, section in elsewhere),
        "",
        "## Rules",
        "",
        f"The acceptance rules by id; {len(rules) - len(missing_rules)} of {len(rules)} have a test.",
        *([f"Without: {', '.join(missing_rules)}."] if missing_rules else []),
        *(line for letter in RULES for line in _rules(letter, shown.rules)),
    ]
    return "\n".join(lines) + "\n"


def _rules(letter: str, shown: Mapping[str, set[str]]) -> list[str]:
    title = RULES[letter][0]
    rows = [f"| {rule} | {_modules(shown.get(rule, ()))} |" for rule in rule_ids() if rule[0] == letter]
    return ["", f"### {title}", "", "| rule | tests |", "|---|---|", *rows]


def _modules(modules: Iterable[str]) -> str:
    return ", ".join(f"`{module}`" for module in sorted(modules)) or "none"


def _chapters() -> str:
    return "§§" + ", ".join(CHAPTERS)


def _order(section: str) -> tuple[int, ...]:
    return tuple(int(part) for part in section.split("."))


def write() -> Path:
    """Write the document; gives its path."""
    DOCUMENT.write_text(render(shown_by_tests()))
    return DOCUMENT
