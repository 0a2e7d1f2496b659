"""Libraries of others in static/vendor are what the manifest says, and nothing else is there."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from sipadmin.environment import BASE_DIR

VENDOR = BASE_DIR / "static" / "vendor"
ROWS = json.loads((VENDOR / "manifest.json").read_text())


def test_every_file_is_listed():
    there = {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.is_file()}
    assert there - {"manifest.json"} == {row["path"] for row in ROWS}


def test_every_file_is_as_it_was_fetched():
    for row in ROWS:
        assert hashlib.sha256((VENDOR / row["path"]).read_bytes()).hexdigest() == row["sha256"], row["path"]


def test_every_library_has_its_licence():
    for row in ROWS:
        assert row["licence"]
        assert (VENDOR / Path(row["path"]).parent / "LICENSE").exists()


def test_nothing_is_loaded_from_elsewhere():
    for path in [*VENDOR.rglob("*.js"), *VENDOR.rglob("*.css")]:
        text = path.read_text().replace("http://www.w3.org", "")
        links = re.sub(r"/\*.*?\*/", "", text, count=1, flags=re.S)
        assert not re.search(r"(url\(|import|fetch\(|src=)\s*['\"]?https?:", links), path
