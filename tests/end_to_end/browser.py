"""A real browser on the product's pages; whatever their scripts or the policy complain about fails the test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--no-proxy-server"]
PASSWORD = "correct horse battery"
DEADLINE = 10_000.0  # ms for what a loaded machine needs; the page itself is within a second

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright (requirements-dev.txt)")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@contextmanager
def watched_page(chromium: Any, base_url: str, **options: Any) -> Iterator[Any]:
    """A page of a context of its own."""
    context = chromium.new_context(base_url=base_url, **options)
    found = context.new_page()
    complaints: list[str] = []
    found.on("pageerror", lambda error: complaints.append(str(error)))
    found.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    found.set_default_timeout(DEADLINE)
    try:
        yield found
    finally:
        context.close()
    assert not complaints


def log_in(page: Any, name: str = "ada", password: str = PASSWORD) -> None:
    page.goto("/login/")
    page.fill("#id_username", name)
    page.fill("#id_password", password)
    page.click("button.primary")
    page.wait_for_selector("h1:has-text('Overview')")
