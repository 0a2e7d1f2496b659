"""Fetches the browser libraries anew: `python3 tools/vendor.py NAME VERSION FILE...`, by `npm pack`. Development only.

What is vendored is listed in static/vendor/manifest.json with its SHA-256; tests/test_vendor.py holds both together.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VENDOR = Path(__file__).resolve().parent.parent / "static" / "vendor"
MANIFEST = VENDOR / "manifest.json"


def fetch(name: str, version: str, files: list[str]) -> None:
    """Unpack ``files`` (paths in the package) and LICENSE into static/vendor/NAME-VERSION and list them."""
    target = VENDOR / f"{name.rpartition('/')[2].lower()}-{version}"
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(
            ["npm", "pack", "--silent", f"{name}@{version}"], cwd=folder, check=True, capture_output=True, text=True
        ).stdout.split()[-1]
        with tarfile.open(Path(folder) / packed) as archive:
            target.mkdir(parents=True, exist_ok=True)
            licence = json.loads(read(archive, "package.json"))["license"]
            for file in [*files, "LICENSE"]:
                (target / Path(file).name).write_bytes(read(archive, file))
    rows = [row for row in json.loads(MANIFEST.read_text()) if row["name"] != name] if MANIFEST.exists() else []
    for path in sorted(target.iterdir()):
        rows.append(describe(path, name, version, licence))
    MANIFEST.write_text(json.dumps(rows, indent=2) + "\n")


def read(archive: tarfile.TarFile, file: str) -> bytes:
    found = archive.extractfile(f"package/{file}")
    if found is None:
        raise SystemExit(f"the package has no file {file}")
    return found.read()


def describe(path: Path, name: str, version: str, licence: str) -> dict[str, str]:
    return {
        "name": name,
        "version": version,
        "licence": licence,
        "source": f"npm package {name}",
        "path": str(path.relative_to(VENDOR)),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


if __name__ == "__main__":
    fetch(sys.argv[1], sys.argv[2], sys.argv[3:])
