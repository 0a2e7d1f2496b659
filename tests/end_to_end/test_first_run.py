"""From the set-up link to a registered phone and a test call, in a real browser, as a newcomer does it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sipadmin.demo.behaviours import answer
from sipadmin.demo.phone import Phone
from tests.end_to_end.browser import CHROMIUM, DEADLINE, PASSWORD, chromium, watched_page  # noqa: F401
from tests.end_to_end.product import Product, free_port

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product that nobody has set up."""
    running = Product(tmp_path_factory.mktemp("fresh"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """For the phone: the browser's loop occupies this thread."""
    found = asyncio.new_event_loop()
    thread = threading.Thread(target=found.run_forever, daemon=True)
    thread.start()
    yield found
    found.call_soon_threadsafe(found.stop)
    thread.join()
    found.close()


def test_it_works(fresh: Product, chromium: Any, loop: asyncio.AbstractEventLoop) -> None:  # noqa: F811
    def do(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(DEADLINE / 1000)

    link = (fresh.data / "setup-link").read_text().strip()
    with watched_page(chromium, fresh.http) as page:
        page.goto(link)
        page.fill("#id_username", "ada")
        page.fill("#id_password", PASSWORD)
        page.fill("#id_again", PASSWORD)
        page.click("button.primary")
        # The address was given on the command line here, so there is nothing to choose.
        page.click("a.primary:has-text('Go on')")
        page.fill("#id_name", "first.test")
        page.click("button.primary")
        page.fill("#id_username", "alice")
        page.click("button.primary")
        page.wait_for_selector("[data-connect-state=waiting]")
        password = page.inner_text("#copy-password")
        page.wait_for_selector("[data-link-state=live]")

        stranger = Phone("sip:alice@other.test", password, fresh.sip)
        do(stranger.start())
        do(stranger.register(60))
        page.wait_for_selector("[data-connect-state=refused]:has-text('no domain of this server')")
        wrong = Phone("sip:alice@first.test", "wrong", fresh.sip)
        do(wrong.start())
        do(wrong.register(60))
        page.wait_for_selector("[data-connect-state=refused]:has-text('The password for alice is wrong')")
        phone = Phone("sip:alice@first.test", password, fresh.sip, on_invite=answer(), user_agent="Desk phone")
        do(phone.start())
        assert do(phone.register(60)).status == 200
        page.wait_for_selector("[data-connect-state=registered]:has-text('Desk phone')")

        page.click("text=Run a test call")
        page.wait_for_selector("h1:has-text('test-phone@first.test')")
        page.wait_for_selector(".verdict.answered")
        for one in (stranger, wrong, phone):
            do(one.stop())
        again = chromium.new_context(base_url=fresh.http).new_page()
        assert again.goto(link).status == 404
        again.context.close()


def test_who_may_reach_sip_is_changed_while_it_runs(
    chromium: Any,  # noqa: F811
    loop: asyncio.AbstractEventLoop,
    tmp_path: Any,
) -> None:
    """On a product without --sip: the engine moves to another port, and the page says where it is."""
    running = Product(tmp_path / "data")
    running.fixed_sip = False
    running.start()
    try:
        port = free_port()
        with watched_page(chromium, running.http) as page:
            page.goto((running.data / "setup-link").read_text().strip())
            page.fill("#id_username", "ada")
            page.fill("#id_password", PASSWORD)
            page.fill("#id_again", PASSWORD)
            page.click("button.primary")
            page.fill("#id_port", str(port))
            page.click("button.primary")
            page.wait_for_selector(f"text=SIP listens on 127.0.0.1:{port}")
        asked = asyncio.run_coroutine_threadsafe(status_of_options(port), loop)
        assert asked.result(DEADLINE / 1000) == 200
    finally:
        running.stop()


async def status_of_options(port: int) -> int:
    async with Phone("sip:a@b.test", "", ("127.0.0.1", port)) as phone:
        return (await phone.request("OPTIONS", f"sip:127.0.0.1:{port}", authenticate=False)).status
