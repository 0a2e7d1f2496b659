"""Coverage-guided fuzzing: ``python -m tests.fuzz.fuzz TARGET [--seconds N]``, with atheris (Linux only).

Begins with the seeds of targets.py and everything in found/. An input that breaks the target is written to
found/TARGET-<hash> and ends the run with an error: mend the code and commit the file, test_targets.py keeps it mended.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import sys
import tempfile
from pathlib import Path

import atheris

MAX_INPUT_BYTES = 4096  # longer ones say nothing new and take their time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("target", choices=["parse", "frame", "websocket", "engine"])
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    with atheris.instrument_imports(include=["sip", "registrar", "proxy"]):
        prepare()
        from tests.fuzz import targets
    logging.getLogger().handlers = []  # refusals are no news; failures are caught by the target
    run = targets.TARGETS[options.target]

    def one(data: bytes) -> None:
        try:
            run(data)
        except BaseException:
            place = targets.FOUND / f"{options.target}-{hashlib.sha256(data).hexdigest()[:16]}"
            place.write_bytes(data)
            print(f"broken by {place}", file=sys.stderr)
            raise

    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(targets.seeds(options.target)):
            (Path(folder) / f"seed-{number}").write_bytes(seed)
        for path in targets.FOUND.glob(f"{options.target}-*"):
            (Path(folder) / path.name).write_bytes(path.read_bytes())
        limits = [
            f"-max_total_time={options.seconds}",
            f"-max_len={MAX_INPUT_BYTES}",
            "-timeout=10",
            "-rss_limit_mb=4096",
        ]
        atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={folder}/", "-print_final_stats=1", folder], one)
        atheris.Fuzz()


def prepare() -> None:
    """Django, for the models behind the registrar's entries; no database is opened."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sipadmin.settings")
    django.setup()


if __name__ == "__main__":
    main()
