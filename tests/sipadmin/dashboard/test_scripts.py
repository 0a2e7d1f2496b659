"""The scripts never turn text into markup or code."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = sorted((ROOT / "static/js").rglob("*.js"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT / "static/js")))
def test_no_way_from_text_to_markup(script):
    text = script.read_text()
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "DOMParser",
        "srcdoc",
    ):
        assert word not in text


def test_nothing_comes_from_elsewhere():
    for path in [*(ROOT / "templates").rglob("*.html"), *(ROOT / "static/css").glob("*.css"), *SCRIPTS]:
        text = path.read_text().replace("http://www.w3.org", "")
        assert "http://" not in text, path
        assert "https://" not in text, path
