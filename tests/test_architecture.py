"""Arrows point down: the contracts of .importlinter hold."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_import_contracts(tmp_path):
    pytest.importorskip("importlinter")
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-logo",
         "--cache-dir", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_place_for_leftovers():
    """A thing with no better name has no place yet."""
    names = {"utils.py", "helpers.py", "common.py", "services.py", "managers.py"}
    found = [
        path
        for package in ("sip", "registrar", "proxy", "sipadmin")
        for path in (ROOT / package).rglob("*.py")
        if path.name in names
    ]
    assert found == []


def test_one_version():
    from sipadmin.bootstrap import VERSION

    assert f'version = "{VERSION}"' in (ROOT / "pyproject.toml").read_text()
