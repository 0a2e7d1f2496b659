"""The page of one call in a real browser: it grows, obeys the keyboard, works without scripts and shows no secret."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import dpkt
import pytest

from sipadmin.demo.behaviours import answer, refuse, ring
from sipadmin.demo.calls import OutgoingCall
from tests.end_to_end.browser import CHROMIUM, PASSWORD, chromium, log_in, watched_page  # noqa: F401
from tests.end_to_end.enrolment import Enrolment
from tests.end_to_end.product import Product, wait_until
from tests.end_to_end.test_browser import HOSTILE, Phones, was_not_reloaded

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
ODD = HOSTILE + "\u202e"
SECRET = "VerySecretKey"


@pytest.fixture(scope="module")
def domain(product: Product) -> Enrolment:
    file = product.data / "admin-password"
    file.write_text(PASSWORD)
    for name in ("ladder", "olga"):
        product.manage("createadmin", name, "--password-file", str(file))
    accounts = "from django.contrib.auth import get_user_model as model; model().objects"
    product.manage("shell", "-c", f"{accounts}.filter(username='olga').update(is_superuser=False)")
    return Enrolment(product, "ladder.test", {"alice": "", "bob": "", "mallory": ""})


@pytest.fixture
def page(chromium: Any, domain: Enrolment) -> Iterator[Any]:  # noqa: F811
    with watched_page(chromium, domain.product.http) as found:
        log_in(found, "ladder")
        yield found


@pytest.fixture
def phones(domain: Enrolment) -> Iterator[Phones]:
    found = Phones(domain)
    yield found
    found.stop()


def open_call(page: Any, call: OutgoingCall) -> None:
    """The page of this call, once the engine has written it."""
    found: list[int] = []

    def is_known() -> bool:
        answer = page.request.get(f"/api/v1/calls/?call_id={call.call_id}").json()
        found.extend(one["id"] for one in answer["results"])
        return bool(found)

    assert wait_until(is_known)
    page.goto(f"/calls/{found[0]}/")
    page.wait_for_selector("#trace-title")


def labels(page: Any) -> list[str]:
    return [text.strip() for text in page.locator(".ladder-body .label").all_text_contents()]


def test_it_grows_from_ringing_to_hang_up(page: Any, phones: Phones) -> None:
    bob = phones("bob", on_invite=ring(), user_agent="Desk phone 3")
    phones.do(bob.register(120))
    alice = phones("alice")
    call = phones.in_loop(lambda: alice.place_call("sip:bob@ladder.test"))
    phones.do(call.ringing())
    open_call(page, call)
    page.wait_for_selector(".ladder-body .provisional .label:text('180 Ringing')")
    page.evaluate("window.isStillTheSame = true")
    assert labels(page)[:2] == ["INVITE", "100 Trying"]
    phones.do(call.cancel())
    page.wait_for_selector(".ladder-body .end .label:text('CANCEL')")
    page.wait_for_selector(".verdict .state.cancelled")
    page.wait_for_selector(".timings dd")
    assert was_not_reloaded(page)


def test_in_dialog_messages_and_the_duration(page: Any, phones: Phones) -> None:
    bob = phones("bob", on_invite=answer(talk=0.2))
    phones.do(bob.register(120))
    alice = phones("alice")
    call = phones.do(alice.call("sip:bob@ladder.test"))
    open_call(page, call)
    page.wait_for_selector(".ladder-body .end .label:text('BYE')")
    page.wait_for_selector(".timings dt:text('Duration')")
    assert page.locator(".ladder-body .chip.sdp").count() >= 2


def test_keys_and_clicks_open_messages(page: Any, phones: Phones) -> None:
    phones.do(phones("bob", on_invite=refuse(486)).register(120))
    call = phones.do(phones("alice").call("sip:bob@ladder.test"))
    open_call(page, call)
    page.wait_for_selector(".ladder-body a.message")
    page.locator("a.message", has_text="INVITE").nth(2).click()
    opened = page.locator("details[open]")
    assert opened.count() == 1
    assert opened.locator(".line.added").count() >= 2
    assert "was: Max-Forwards: 70" in opened.locator(".line.changed[title*=Max]").get_attribute("title")
    number = opened.get_attribute("data-text")
    page.keyboard.press("j")
    assert page.locator("details[open]").get_attribute("data-text") == str(int(number) + 1)
    page.keyboard.press("k")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    assert page.locator("details[open]").get_attribute("data-text") == str(int(number) - 1)
    assert page.evaluate("document.activeElement.dataset.message") == str(int(number) - 1)
    page.goto(f"{page.url.partition('#')[0]}#message-1")
    assert page.locator("details[open]").get_attribute("data-text") == "1"


def test_heads_stay_in_sight(page: Any, phones: Phones) -> None:
    phones.do(phones("bob", on_invite=refuse(486)).register(120))
    call = phones.do(phones("alice").call("sip:bob@ladder.test"))
    page.set_viewport_size({"width": 1200, "height": 300})
    open_call(page, call)
    page.wait_for_selector(".ladder-body a.message")
    scrolled = page.evaluate(
        """() => { const one = document.querySelector('.ladder-scroll'); one.scrollTop = one.scrollHeight;
        return [one.scrollTop, document.querySelector('.ladder-heads').getBoundingClientRect().top
        - one.getBoundingClientRect().top]; }"""
    )
    assert scrolled[0] > 0
    assert abs(scrolled[1]) <= 2


def test_it_works_without_scripts(chromium: Any, page: Any, phones: Phones, domain: Enrolment) -> None:  # noqa: F811
    phones.do(phones("bob", on_invite=refuse(486)).register(120))
    call = phones.do(phones("alice").call("sip:bob@ladder.test"))
    open_call(page, call)
    place = page.url.partition("#")[0]
    context = chromium.new_context(base_url=domain.product.http, java_script_enabled=False)
    plain = context.new_page()
    plain.goto(f"/login/?next={place.removeprefix(domain.product.http)}")
    plain.fill("#id_username", "ladder")
    plain.fill("#id_password", PASSWORD)
    plain.click("button.primary")
    plain.wait_for_selector(".ladder-body")
    plain.locator("a.message[data-message='1']").click()
    assert plain.locator("#message-1").is_visible()
    assert "INVITE sip:bob@ladder.test SIP/2.0" in plain.inner_text("#message-1")
    context.close()


@pytest.mark.threat(25)
class TestSecrets:
    """Threat of traces that leak credentials or bodies: page, exports, REST, live feed, and the database itself."""

    @pytest.fixture
    def call(self, phones: Phones) -> OutgoingCall:
        """A call with credentials and an SDP key."""
        body = b"v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + SECRET.encode()
        bob = phones("bob", on_invite=ring())
        phones.do(bob.register(120))
        alice = phones("alice")
        fields = [("Content-Type", "application/sdp")]
        call = phones.in_loop(lambda: alice.place_call("sip:bob@ladder.test", fields=fields, body=body))
        phones.do(call.ringing())
        phones.do(call.cancel())
        return call

    def test_administrators_see_neither_digest_nor_key(self, page: Any, call: OutgoingCall, domain: Enrolment) -> None:
        frames: list[str] = []
        page.on("websocket", lambda one: one.on("framereceived", lambda frame: frames.append(str(frame))))
        open_call(page, call)
        page.wait_for_selector(".ladder-body .failure .label:text('487')")
        place = page.url.partition("#")[0]
        shown = [page.content(), *(page.request.get(f"{place}call.{kind}").text() for kind in ("txt", "json", "svg"))]
        shown.append(page.request.get(f"{place}call.pcap").body().decode("utf-8", "replace"))
        number = place.rstrip("/").rpartition("/")[2]
        shown.append(page.request.get(f"/api/v1/calls/{number}/messages/").text())
        assert 'response="***"' in shown[1]
        assert "inline:***" in shown[1]
        for text in [*shown, *frames]:
            assert SECRET not in text
        assert not [text for text in frames if "Proxy-Authorization" in text]
        database = b"".join(path.read_bytes() for path in domain.product.data.glob("sipadmin.sqlite3*"))
        assert SECRET.encode() not in database

    def test_operators_see_no_body(self, chromium: Any, call: OutgoingCall, domain: Enrolment) -> None:  # noqa: F811
        with watched_page(chromium, domain.product.http) as page:
            log_in(page, "olga")
            open_call(page, call)
            page.wait_for_selector(".ladder-body .failure .label:text('487')")
            assert "a=crypto" not in page.content()
            assert "shown to administrators only" in page.content()


def test_exports_are_read_by_other_programs(page: Any, phones: Phones) -> None:
    phones.do(phones("bob", on_invite=refuse(486)).register(120))
    call = phones.do(phones("alice").call("sip:bob@ladder.test"))
    open_call(page, call)
    page.wait_for_selector(".ladder-body a.message")
    place = page.url.partition("#")[0]
    facts = json.loads(page.request.get(f"{place}call.json").text())
    packets = list(dpkt.pcap.Reader(io.BytesIO(page.request.get(f"{place}call.pcap").body())))
    assert len(packets) == len(facts["messages"]) == page.locator("a.message").count()
    assert bytes(dpkt.ip.IP(packets[0][1]).udp.data).startswith(b"INVITE sip:bob@ladder.test")


@pytest.mark.threat(21)
def test_hostile_text_stays_text(page: Any, phones: Phones) -> None:
    mallory = phones("mallory", user_agent=HOSTILE)
    fields = [("Subject", ODD), ("Contact", f'"{ODD}" <{mallory.contact}>'), ("Content-Type", "text/html")]
    call = phones.do(mallory.call("sip:nobody@ladder.test", fields=fields, body=HOSTILE.encode()))
    open_call(page, call)
    page.wait_for_selector(".ladder-body a.message")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.title() != "owned"
    assert page.locator("img[src=x]").count() == 0
    text = page.inner_text("[data-messages]")
    assert "<img src=x" in text
    assert "\u202e" not in text
    assert "\\u202e" in text
    page.goto("/requests/?q=nobody@ladder.test")
    page.wait_for_selector("table.grid")
    assert page.title() != "owned"
    assert page.locator("img[src=x]").count() == 0


def test_a_shared_link_shows_the_course_only(chromium: Any, page: Any, phones: Phones, domain: Enrolment) -> None:  # noqa: F811
    phones.do(phones("bob", on_invite=refuse(486), user_agent="Desk/3 (Bob's)").register(120))
    call = phones.do(phones("alice").call("sip:bob@ladder.test"))
    open_call(page, call)
    page.wait_for_selector(".ladder-body a.message")
    place = page.url
    page.click("text=Make a link")
    link = page.inner_text("#link")
    context = chromium.new_context()
    outside = context.new_page()
    outside.goto(link)
    outside.wait_for_selector(".ladder-body a.message")
    text = outside.content()
    for private in ("alice", "bob@", "ladder.test", "Bob's"):
        assert private not in text
    page.goto(place)
    page.click("text=Revoke")
    page.wait_for_selector("text=The link does not work any more")
    assert outside.goto(link).status == 404
    context.close()


def test_the_console_says_why_a_register_was_refused(page: Any, phones: Phones, domain: Enrolment) -> None:
    right, domain.passwords["alice"] = domain.passwords["alice"], "wrong"
    try:
        assert phones.do(phones("alice").register(120)).status == 401
    finally:
        domain.passwords["alice"] = right

    def is_told() -> bool:
        page.goto("/requests/?q=alice@ladder.test")
        return page.locator("td details").count() > 0

    assert wait_until(is_told)
    page.locator("td details summary").first.click()
    text = page.inner_text("td details")
    assert "ladder.test is a domain of this server" in text
    assert "alice gave a wrong password" in text
    assert "§10.3 step 3" in text
