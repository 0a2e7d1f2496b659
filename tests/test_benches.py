"""The benches run: they put their own network under the engine, and nobody else would notice that it no longer fits.

What they measure is no test's business; the load programs that start the whole product are left out.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[1] / "bench"


@pytest.mark.parametrize(
    "command",
    [
        ["call_path.py", "--calls", "3", "--rounds", "1"],
        ["call_path.py", "--calls", "3", "--rounds", "1", "--record", "all"],
        ["register_path.py", "--count", "20", "--users", "5"],
        ["journal_rows.py", "--rows", "50", "--batch", "10"],
        ["routing_rules.py"],
    ],
    ids=" ".join,
)
def test_it_runs(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, str(BENCH / command[0]), *command[1:]], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip()
