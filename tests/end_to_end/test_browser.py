"""A real browser watches the console while phones register and call: nothing is reloaded."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from sipadmin.demo.behaviours import ring
from sipadmin.demo.phone import Phone
from tests.end_to_end.browser import CHROMIUM, DEADLINE, PASSWORD, chromium, log_in, watched_page  # noqa: F401
from tests.end_to_end.enrolment import Enrolment
from tests.end_to_end.product import Product

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
Found = TypeVar("Found")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


@pytest.fixture(scope="module")
def domain(product: Product) -> Enrolment:
    file = product.data / "admin-password"
    file.write_text(PASSWORD)
    product.manage("createadmin", "ada", "--password-file", str(file))
    return Enrolment(product, "browser.test", {"alice": "", "bob": "", "carol": ""})


@pytest.fixture
def page(chromium: Any, domain: Enrolment) -> Iterator[Any]:  # noqa: F811
    """A logged-in page."""
    with watched_page(chromium, domain.product.http) as found:
        log_in(found)
        yield found


class Phones:
    """Phones on a loop of their own: the browser's loop occupies this thread."""

    def __init__(self, domain: Enrolment) -> None:
        self.domain = domain
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.made: list[Phone] = []

    def do(self, work: Coroutine[Any, Any, Found]) -> Found:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(DEADLINE / 1000)

    def __call__(self, user: str, **options: Any) -> Phone:
        phone = Phone(self.domain.aor(user), self.domain.passwords[user], self.domain.server, **options)
        self.made.append(phone)
        self.do(phone.start())
        return phone

    def in_loop(self, work: Callable[[], Found]) -> Found:
        async def done() -> Found:
            return work()

        return self.do(done())

    def stop(self) -> None:
        for phone in self.made:
            self.do(phone.unregister())
            self.do(phone.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@pytest.fixture
def phones(domain: Enrolment) -> Iterator[Phones]:
    found = Phones(domain)
    yield found
    found.stop()


def watch(page: Any, place: str) -> None:
    """Open a live page and mark it, so that a reload would be noticed."""
    page.goto(place)
    page.wait_for_selector("[data-link-state=live]")
    page.evaluate("window.isStillTheSame = true")


def was_not_reloaded(page: Any) -> bool:
    return bool(page.evaluate("window.isStillTheSame === true"))


def test_a_registration_appears_and_goes(page: Any, phones: Phones) -> None:
    watch(page, "/registrations/?q=browser.test")
    assert page.locator("[data-aor]").count() == 0
    bob = phones("bob", user_agent="Desk phone 3")
    phones.do(bob.register(120))
    row = page.wait_for_selector('[data-aor="sip:bob@browser.test"] tr')
    text = row.inner_text()
    assert bob.contact.removeprefix("sip:") in text
    assert "Desk phone 3" in text
    assert "UDP" in text
    second = phones("bob", user_agent="Mobile")
    phones.do(second.register(120, q=0.5))
    page.wait_for_selector('[data-aor="sip:bob@browser.test"] tr:nth-child(2)')
    assert page.locator("[data-aor]").count() == 1
    phones.do(bob.unregister())
    phones.do(second.unregister())
    page.wait_for_selector("[data-aor]", state="detached")
    assert was_not_reloaded(page)


def test_a_call_grows_its_branches(page: Any, phones: Phones) -> None:
    bob, mobile = phones("bob", on_invite=ring()), phones("bob", on_invite=ring())
    phones.do(bob.register(120))
    phones.do(mobile.register(120))
    alice = phones("alice")
    watch(page, "/calls/")
    call = phones.in_loop(lambda: alice.place_call("sip:bob@browser.test"))
    body = page.locator("table.calls tbody", has_text="bob@browser.test").first
    body.locator(".branches .state.ringing").nth(1).wait_for()
    assert body.locator(".branches li").count() == 2
    phones.do(call.cancel())
    body.locator("tr:first-child .state.cancelled").wait_for()
    assert "487" in body.inner_text()
    assert was_not_reloaded(page)
    body.locator("td.why a").click()
    page.wait_for_selector("h1:has-text('bob@browser.test')")
    assert page.locator("[data-steps] li").count() >= 1


def test_removing_a_contact(page: Any, phones: Phones) -> None:
    carol = phones("carol")
    phones.do(carol.register(120))
    watch(page, "/registrations/?q=carol@browser.test")
    page.click('[data-aor="sip:carol@browser.test"] button')
    page.wait_for_selector("text=Removed a contact of carol@browser.test")
    page.wait_for_selector('[data-aor="sip:carol@browser.test"]', state="detached")


def test_hostile_text_stays_text(page: Any, phones: Phones) -> None:
    watch(page, "/registrations/?q=alice@browser.test")
    alice = phones("alice", user_agent=HOSTILE)
    phones.do(alice.register(120))
    row = page.wait_for_selector('[data-aor="sip:alice@browser.test"] tr')
    assert "<img src=x" in row.inner_text()
    for place in ("/", "/calls/", "/users/", "/registrations/"):
        page.goto(place)
        page.wait_for_load_state("networkidle") if place == "/users/" else page.wait_for_selector(
            "[data-link-state=live]"
        )
        assert page.title() != "owned"
        assert page.locator("img[src=x]").count() == 0


def test_a_saved_policy_is_active_and_says_so(page: Any, domain: Enrolment) -> None:
    page.goto("/users/?q=carol&domain=browser.test")
    page.click("th a:has-text('carol@browser.test')")
    page.select_option("select[name=policy_action]", "refuse")
    page.fill("input[name=policy_argument]", "486")
    page.click('button:text-is("Save")')
    page.wait_for_selector("text=Saved. Active now on the engine.")
    assert "refuse:486, from user carol@browser.test" in page.inner_text("main")
    page.select_option("select[name=policy_action]", "inherit")
    page.click('button:text-is("Save")')
    page.wait_for_selector("text=proxy, from the server default")


def test_logging_out_ends_the_live_page(page: Any) -> None:
    watch(page, "/registrations/")
    other = page.context.new_page()
    other.goto("/")
    other.click("text=Log out")
    page.wait_for_selector("h1:has-text('Log in')")


def test_pages_work_without_scripts(chromium: Any, domain: Enrolment, phones: Phones) -> None:  # noqa: F811
    phones.do(phones("bob").register(120))
    context = chromium.new_context(base_url=domain.product.http, java_script_enabled=False)
    page = context.new_page()
    page.goto("/login/?next=/registrations/")
    page.fill("#id_username", "ada")
    page.fill("#id_password", PASSWORD)
    page.click("button.primary")
    assert "bob@browser.test" in page.inner_text("main")
    page.click(".rail >> text=Domains")
    assert "browser.test" in page.inner_text("main")
    context.close()
