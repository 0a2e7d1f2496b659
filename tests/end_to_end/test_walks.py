"""What people do in the console, in a real browser: each walk from the first click to what the engine then does."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from sipadmin.demo.behaviours import answer
from tests.end_to_end.browser import CHROMIUM, PASSWORD, chromium, log_in, watched_page  # noqa: F401
from tests.end_to_end.enrolment import Enrolment
from tests.end_to_end.product import Product
from tests.end_to_end.test_browser import Phones

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
DOMAIN = "walks.test"


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enrolment]:
    """A product of its own with an administrator and an operator."""
    running = Product(tmp_path_factory.mktemp("walks"))
    running.start()
    file = running.data / "admin-password"
    file.write_text(PASSWORD)
    running.manage("createadmin", "ada", "--password-file", str(file))
    yield Enrolment(running, DOMAIN, {"alice": "", "bob": "", "carol": "", "grace": "redirect"})
    running.stop()


@pytest.fixture
def page(chromium: Any, walked: Enrolment) -> Iterator[Any]:  # noqa: F811
    with watched_page(chromium, walked.product.http) as found:
        log_in(found)
        yield found


@pytest.fixture
def phones(walked: Enrolment) -> Iterator[Phones]:
    found = Phones(walked)
    yield found
    found.stop()


def open_calls(page: Any) -> None:
    page.goto("/calls/")
    page.wait_for_selector("[data-link-state=live]")


def row(page: Any, callee: str) -> Any:
    return page.locator("table.calls tbody", has_text=f"{callee}@{DOMAIN}").first


def test_a_call_from_ringing_to_hang_up(page: Any, phones: Phones) -> None:
    bob = phones("bob", on_invite=answer(0.5))
    phones.do(bob.register(120))
    alice = phones("alice")
    open_calls(page)
    call = phones.in_loop(lambda: alice.place_call(f"sip:bob@{DOMAIN}"))
    row(page, "bob").locator("tr:first-child .state.answered").wait_for()
    phones.do(call.finished())
    phones.do(call.hang_up())
    row(page, "bob").locator("td.why a").click()
    page.wait_for_selector(f"h1:has-text('bob@{DOMAIN}')")
    page.wait_for_selector(".verdict.answered")
    assert page.locator("[data-steps] li").count() >= 1


def test_a_redirected_call(page: Any, phones: Phones) -> None:
    phones.do(phones("grace", on_invite=answer()).register(120))
    alice = phones("alice")
    open_calls(page)
    call = phones.in_loop(lambda: alice.place_call(f"sip:grace@{DOMAIN}", follow=False))
    row(page, "grace").locator("tr:first-child .state.redirected").wait_for()
    assert phones.do(call.finished()).status == 302
    assert "302" in row(page, "grace").inner_text()


def test_a_phone_with_a_wrong_password(page: Any, phones: Phones, walked: Enrolment) -> None:
    page.goto(f"/users/?q=carol&domain={DOMAIN}")
    page.click(f"th a:has-text('carol@{DOMAIN}')")
    page.click("text=Connect a phone")
    page.wait_for_selector("[data-connect-state=waiting]")
    page.wait_for_selector("[data-link-state=live]")
    right, walked.passwords["carol"] = walked.passwords["carol"], "wrong"
    carol = phones("carol")
    walked.passwords["carol"] = right
    phones.do(carol.register(60))
    page.wait_for_selector("[data-connect-state=refused]:has-text('The password for carol is wrong')")


def test_a_ban_and_its_end(page: Any) -> None:
    page.goto("/security/")
    page.fill("#ban [name=source]", "198.51.100.7")
    page.click("#ban button.danger")
    ban = page.locator("[data-rows=bans] tr", has_text="198.51.100.7")
    ban.wait_for()
    ban.locator("button:has-text('Undo')").click()
    page.wait_for_selector("text=undone by ada")
    assert page.locator("[data-rows=bans] tr", has_text="198.51.100.7").count() == 0


def test_an_import_with_errors_and_without(page: Any, tmp_path: Any, walked: Enrolment) -> None:
    table = tmp_path / "users.csv"
    table.write_text("user,password,display_name\ndora,pw-of-dora,=1+1\nhas space,x,<b>bold</b>\n")
    page.goto("/users/import/")
    page.set_input_files("input[type=file]", str(table))
    page.click("button.primary")
    page.wait_for_selector("text=Nothing was imported: 1 error in the file.")
    with page.expect_download() as download:
        page.click("text=Download the errors")
    assert "3,user" in download.value.path().read_text()
    table.write_text("user,password,display_name\ndora,pw-of-dora,<b>bold</b>\n")
    page.goto("/users/import/")
    page.set_input_files("input[type=file]", str(table))
    page.click("button.primary")
    page.wait_for_selector("text=<b>bold</b>")
    page.click("text=Import all of it")
    page.wait_for_selector("text=Active now on the engine.")
    assert page.locator("main b").count() == 0


def test_a_policy_that_takes_effect(page: Any, phones: Phones) -> None:
    phones.do(phones("bob", on_invite=answer()).register(120))
    alice = phones("alice")
    page.goto(f"/users/?q=bob&domain={DOMAIN}")
    page.check("input[data-select]")
    page.select_option(".bulk-policy select", "refuse")
    page.fill(".bulk-policy input", "486")
    page.click("text=Set policy")
    page.wait_for_selector("text=Active now on the engine.")
    assert phones.do(alice.call(f"sip:bob@{DOMAIN}")).final_status == 486
    page.click("text=Undo")
    page.wait_for_selector("text=Taken back for 1 user.")
    call = phones.do(alice.call(f"sip:bob@{DOMAIN}"))
    assert call.final_status == 200
    phones.do(call.hang_up())


def test_an_operator_who_may_not(page: Any, chromium: Any, walked: Enrolment) -> None:  # noqa: F811
    page.goto("/system/accounts/")
    page.fill("#id_username", "oscar")
    page.fill("#id_password", PASSWORD)
    page.click("text=Add account")
    page.wait_for_selector("text=oscar may log in now.")
    context = chromium.new_context(base_url=walked.product.http)
    operator = context.new_page()
    log_in(operator, "oscar")
    operator.goto("/users/")
    assert operator.locator("text=Add a user").count() == operator.locator("input[data-select]").count() == 0
    assert operator.goto("/users/new/").status == 403
    assert "Only administrators may do this" in operator.inner_text("main")
    assert operator.goto("/system/accounts/").status == 403
    operator.goto("/registrations/")
    operator.wait_for_selector("[data-link-state=live]")
    assert operator.locator("form[data-remove]").count() == 0
    # Disabled: the live page asks for the login within a heartbeat, or at the next click.
    page.click("th a:has-text('oscar')")
    page.uncheck("#id_enabled")
    page.click("button.primary:has-text('Save')")
    page.wait_for_selector("text=oscar is changed.")
    operator.goto("/users/")
    operator.wait_for_selector("h1:has-text('Log in')")
    context.close()


def test_a_pause_holds_back_what_is_new(page: Any, phones: Phones) -> None:
    alice = phones("alice")
    with page.expect_websocket() as opened:
        open_calls(page)
    page.keyboard.press("p")
    page.wait_for_selector("[data-link-state=paused]")
    before = page.locator("table.calls tbody").count()
    news = page.locator("[data-pause]", has_text="new")
    for name in (f"nobody{number}" for number in range(10)):
        with opened.value.expect_event("framereceived", lambda frame, name=name: name in frame) as heard:
            assert phones.do(alice.call(f"sip:{name}@{DOMAIN}")).final_status == 404
        if json.loads(heard.value)["type"] == "delta":  # a snapshot in between holds the call without counting it
            break
    news.wait_for()
    assert page.locator("table.calls tbody").count() == before
    page.keyboard.press("p")
    row(page, name).wait_for()
    page.wait_for_selector("[data-link-state=live]")


def test_a_snapshot_in_a_pause_takes_no_news_back(page: Any) -> None:
    servers: list[Any] = []

    def tell(kind: str, seq: int, calls: list[dict[str, Any]]) -> None:
        servers[-1].send(json.dumps({"type": kind, "seq": seq, "part": 0, "parts": 1, "calls": calls}))

    def serve(socket: Any) -> None:
        servers.append(socket)
        tell("snapshot", 0, [])

    page.route_web_socket("**/ws/live/**", serve)  # this test speaks for the server
    open_calls(page)
    facts = {"caller": f"sip:alice@{DOMAIN}", "state": "failed", "status": 404, "started_at": 1.0}
    first, second = ({**facts, "id": -number, "callee": f"sip:ghost{number}@{DOMAIN}"} for number in (1, 2))
    page.keyboard.press("p")
    page.wait_for_selector("[data-link-state=paused]")
    tell("delta", 1, [first])
    page.wait_for_selector("[data-pause]:has-text('Paused, 1 new')")
    tell("snapshot", 1, [first])
    tell("delta", 2, [second])
    page.wait_for_selector("[data-pause]:has-text('Paused, 2 new')")
    page.keyboard.press("p")
    row(page, "ghost1").wait_for()
    row(page, "ghost2").wait_for()
    assert page.locator("[data-pause]").inner_text() == "Pause"


def test_a_page_outlives_the_web_server(chromium: Any, phones: Phones, walked: Enrolment) -> None:  # noqa: F811
    """Offline is said, with the time of what is shown; what was typed stays, and what was missed comes."""
    context = chromium.new_context(base_url=walked.product.http)  # not a watched one: it may complain of the loss
    page = context.new_page()
    log_in(page)
    page.goto("/registrations/")
    page.wait_for_selector("[data-link-state=live]")
    page.fill("#q", "carol")
    os.kill(walked.product.child("web"), signal.SIGKILL)
    page.wait_for_selector("[data-offline]:has-text('What you see is as of')")
    # SIP goes on without the web.
    phones.do(phones("carol").register(120))
    page.wait_for_selector("[data-link-state=live]", timeout=60_000)
    page.locator("table.registrations tbody", has_text=f"carol@{DOMAIN}").first.wait_for()
    assert page.locator("[data-offline]").is_hidden()
    assert page.evaluate("[document.activeElement.id, document.activeElement.value]") == ["q", "carol"]
    context.close()
