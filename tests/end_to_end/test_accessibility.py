"""axe finds nothing on any page in either theme, and every page fits a narrow screen (WCAG 2.2 AA)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.end_to_end import gallery
from tests.end_to_end.browser import CHROMIUM, chromium, log_in, watched_page  # noqa: F401
from tests.end_to_end.product import Product

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
axe_core = pytest.importorskip("axe_playwright_python.base", reason="needs axe-playwright-python")
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}
NARROW = 360  # px


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product with something on every page."""
    running = Product(tmp_path_factory.mktemp("gallery"))
    running.start()
    gallery.fill(running)
    demo = gallery.Demo(running)
    yield running
    demo.stop()
    running.stop()


def complaints(page: Any) -> list[str]:
    # Through the debugger, which the content security policy does not concern.
    page.evaluate(axe_core.AXE_FILE_PATH.read_text())
    found = page.evaluate("(options) => axe.run(document, options)", RULES)
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(shown: Product, chromium: Any, theme: str) -> None:  # noqa: F811
    found: dict[str, list[str]] = {}
    context = chromium.new_context(base_url=shown.http, color_scheme=theme)
    page = context.new_page()
    for name, place in gallery.BEFORE_LOGIN.items():
        page.goto(place)
        found[name] = complaints(page)
    log_in(page)
    for name, place in gallery.places(shown).items():
        page.goto(place)
        gallery.settle(page)
        found[name] = complaints(page)
    context.close()
    assert not {name: texts for name, texts in found.items() if texts}


def test_every_page_fits_a_phone(shown: Product, chromium: Any) -> None:  # noqa: F811
    context = chromium.new_context(base_url=shown.http, viewport={"width": NARROW, "height": 740})
    page = context.new_page()
    log_in(page)
    wide: dict[str, int] = {}
    for name, place in gallery.places(shown).items():
        page.goto(place)
        gallery.settle(page)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > NARROW:
            wide[name] = width
    # The bottom bar's words are whole, in the current entry too.
    cut = "[...document.querySelectorAll('.rail .short')].filter((one) => one.scrollWidth > one.clientWidth).length"
    page.goto("/domains/")
    assert page.evaluate(cut) == 0
    context.close()
    assert not wide


def test_the_theme_is_chosen_and_kept(shown: Product, chromium: Any) -> None:  # noqa: F811
    with watched_page(chromium, shown.http, color_scheme="light") as page:
        log_in(page)
        ground = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(ground)
        page.click("[data-theme-switch]")  # light
        page.click("[data-theme-switch]")  # dark
        dark = page.evaluate(ground)
        assert dark != light
        page.goto("/users/")
        assert page.evaluate(ground) == dark
        page.click("[data-theme-switch]")  # the system's
        assert page.evaluate(ground) == light


def test_the_keyboard(shown: Product, chromium: Any) -> None:  # noqa: F811
    with watched_page(chromium, shown.http) as page:
        log_in(page)
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "search"
        page.keyboard.press("Escape")
        page.keyboard.press("g")
        page.keyboard.press("u")
        page.wait_for_selector("h1:has-text('Users')")
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("k")
        page.keyboard.press("Enter")
        page.wait_for_selector("h1:has-text('alice@')")
        page.keyboard.press("?")
        page.wait_for_selector("dialog[open]")
        page.uncheck("[data-keys-on]")
        page.keyboard.press("Escape")
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") != "search"
