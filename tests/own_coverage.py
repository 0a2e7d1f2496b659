"""Does its own test module cover each module of the stack and the cores? ``python -m tests.own_coverage [-v]``

Runs their tests once, noting which test executed which line and branch, and counts for ``sip/x/y.py`` only what the
tests in ``tests/sip/x/test_y.py`` (and ``test_y_some_subject.py``) executed. Ends with 1 when anything is left out.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest

ROOT = Path(__file__).resolve().parents[1]
HELD = (
    "sip",
    "registrar/contacts.py",
    "registrar/core.py",
    "registrar/identity.py",
    "registrar/limits.py",
    "proxy/core",
)


def modules() -> Iterator[Path]:
    """Files that are held to it, relative to the project."""
    for place in HELD:
        found = sorted((ROOT / place).rglob("*.py")) if (ROOT / place).is_dir() else [ROOT / place]
        for path in found:
            if path.name != "__init__.py":
                yield path.relative_to(ROOT)


def own_tests(module: Path) -> str:
    """Beginning of the names of its own tests, such as ``tests.sip.message.test_wire``."""
    return ".".join(["tests", *module.parts[:-1], f"test_{module.stem}"])


def test_files() -> list[str]:
    """Folders and files with the own tests of all modules."""
    places: list[Path] = []
    for place in map(Path, HELD):
        folder = ROOT / "tests" / place.with_suffix("")
        places += [folder] if folder.is_dir() else sorted(folder.parent.glob(f"test_{folder.name}*.py"))
    return list(map(str, places))


def main() -> int:
    is_verbose = "-v" in sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        measured = coverage.Coverage(
            data_file=f"{folder}/data",
            branch=True,
            source=[str(ROOT / name) for name in ("sip", "registrar", "proxy")],
            config_file=False,
        )
        measured.set_option("run:dynamic_context", "test_function")
        for never_run in ("if TYPE_CHECKING:", "raise NotImplementedError"):
            measured.exclude(never_run)
        measured.start()
        status = pytest.main(["-q", "-p", "no:cacheprovider", *test_files()])
        measured.stop()
        measured.save()
        if status:
            return int(status)
        missing = {module: left_out(measured, module, folder) for module in modules()}
    total = sum(map(len, missing.values()))
    for module, lines in missing.items():
        if lines:
            which = f": {', '.join(lines)}" if is_verbose else ""
            print(f"{module}: {len(lines)} not covered by {own_tests(module)}{which}")
    covered = sum(not lines for lines in missing.values())
    print(f"{len(missing)} modules, {covered} wholly covered by their own tests; {total} lines and branches left")
    return 1 if total else 0


def left_out(measured: coverage.Coverage, module: Path, folder: str) -> list[str]:
    """Lines and branches that neither importing the module nor its own tests executed."""
    report = Path(folder) / "report.json"
    own = own_tests(module).replace(".", "\\.")
    measured.json_report(morfs=[str(ROOT / module)], outfile=str(report), contexts=[rf"^{own}(_\w+)?\.", "^$"])
    [facts] = json.loads(report.read_text())["files"].values()
    missing = set(facts["missing_lines"])
    branches = [(start, end) for start, end in facts["missing_branches"] if start not in missing]
    return [
        *map(str, sorted(missing)),
        *(f"{start}->{end if end > 0 else 'exit'}" for start, end in branches),
    ]


if __name__ == "__main__":
    sys.exit(main())
