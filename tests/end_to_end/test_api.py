"""What the API has answered is so: on the SIP side too, at once."""

from __future__ import annotations

import json
import socket
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tests.end_to_end.api_client import ApiClient
from tests.end_to_end.product import DIRECT, Product, wait_until
from tests.end_to_end.registrant import Registrant

DOMAIN = "load.test"


@pytest.fixture(scope="module")
def api(product: Product) -> ApiClient:
    client = ApiClient(product, "live")
    assert client("PUT", f"domains/{DOMAIN}/", {"auth_register": False}).status in (200, 201)
    return client


@pytest.fixture
def phones(product: Product) -> Registrant:
    return Registrant(product.sip)


def answers(phones: Registrant, *users: str) -> set[str]:
    """Who got a 200 to one REGISTER each; every phone asks once, and nothing is tried again."""
    for user in users:
        phones.register(user, cseq=phones.sent + 1)
    return {user for user, _ in phones.answers(1.0)}


def test_a_new_user_can_register_at_once(api, phones):
    made = api("PUT", f"users/new@{DOMAIN}/", {})
    assert (made.status, made.headers["X-Engine"]) == (201, "live")
    assert answers(phones, "new") == {"new"}


def test_a_deleted_user_cannot_and_has_no_binding_left(product, api, phones):
    api("PUT", f"users/gone@{DOMAIN}/", {})
    assert answers(phones, "gone") == {"gone"}
    assert api("GET", f"users/gone@{DOMAIN}/").body["registered"] is True
    assert api("DELETE", f"users/gone@{DOMAIN}/").status == 204
    assert status_of_options(product, "gone") == 404
    assert answers(phones, "gone") == set()
    assert wait_until(lambda: api("GET", f"bindings/?aor=gone@{DOMAIN}").body["count"] == 0)


def status_of_options(product: Product, user: str) -> int:
    """What a stranger hears who asks for the user: no database in between."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
        caller.bind(("127.0.0.1", 0))
        caller.settimeout(5)
        port = caller.getsockname()[1]
        lines = [
            f"OPTIONS sip:{user}@{DOMAIN} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{port};rport;branch=z9hG4bK{uuid4().hex}",
            "From: <sip:somebody@elsewhere.test>;tag=1",
            f"To: <sip:{user}@{DOMAIN}>",
            f"Call-ID: {uuid4().hex}",
            "CSeq: 1 OPTIONS",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
        caller.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), product.sip)
        return int(caller.recv(65535).decode().split(" ")[1])


def test_a_disabled_user_cannot_until_enabled_again(api, phones):
    api("PUT", f"users/off@{DOMAIN}/", {})
    assert api("PATCH", f"users/off@{DOMAIN}/", {"enabled": False}).headers["X-Engine"] == "live"
    assert answers(phones, "off") == set()
    api("PATCH", f"users/off@{DOMAIN}/", {"enabled": True})
    assert answers(phones, "off") == {"off"}


def test_a_bulk_of_users_can_register_at_once(api, phones):
    names = [f"bulk{number}" for number in range(1000)]
    items = [{"username": name, "domain": DOMAIN} for name in names]
    made = api("POST", "users/bulk/", {"items": items})
    assert (made.status, made.body["created"], made.headers["X-Engine"]) == (200, 1000, "live")
    asked = [names[0], names[499], names[-1]]
    assert answers(phones, *asked) == set(asked)
    gone = api("POST", "users/bulk/", {"mode": "delete", "items": items})
    assert (gone.status, gone.body["deleted"], gone.headers["X-Engine"]) == (200, 1000, "live")
    assert answers(phones, *asked) == set()


def test_a_domain_is_live(api, phones):
    api("PUT", f"users/any@{DOMAIN}/", {})
    assert api("PATCH", f"domains/{DOMAIN}/", {"auth_register": True}).headers["X-Engine"] == "live"
    assert answers(phones, "any") == set()
    api("PATCH", f"domains/{DOMAIN}/", {"auth_register": False})
    assert answers(phones, "any") == {"any"}


def test_the_event_log_tells_of_it(api, phones):
    api("PUT", f"users/told@{DOMAIN}/", {})
    phones.register("told")
    assert answers(phones, "told") == {"told"}
    place = f"events/?subject=sip:told@{DOMAIN}&ordering=id&type=registration.*"

    def types() -> list[str]:
        return [event["type"] for event in api("GET", place).body["results"]]

    assert wait_until(lambda: types()[:2] == ["registration.created", "registration.refreshed"])
    api("DELETE", f"users/told@{DOMAIN}/")
    assert wait_until(lambda: types()[2:] == ["registration.removed"])


def test_the_stream_goes_on_where_it_was(product, api, phones):
    def read(last_id: str = "") -> tuple[str, dict[str, object]]:
        headers = {"Authorization": f"Bearer {api.token}", **({"Last-Event-ID": last_id} if last_id else {})}
        request = urllib.request.Request(
            f"{product.http}/api/v1/events/stream?subject=sip:live@{DOMAIN}", headers=headers
        )
        with DIRECT.open(request, timeout=20) as answer:
            assert answer.headers["Content-Type"] == "text/event-stream"
            reading.set()
            found = {}
            for line in answer:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                found[name] = value
                if name == "data":
                    return found["id"], json.loads(value)
        raise AssertionError("the stream ended")

    reading = threading.Event()
    api("PUT", f"users/live@{DOMAIN}/", {})
    with ThreadPoolExecutor(1) as executor:
        waiting = executor.submit(read)
        assert reading.wait(20)
        assert answers(phones, "live") == {"live"}
        last_id, facts = waiting.result(20)
    assert facts["type"] == "registration.created"
    api("DELETE", f"users/live@{DOMAIN}/")
    assert wait_until(lambda: len(api("GET", f"events/?subject=sip:live@{DOMAIN}").body["results"]) == 2)
    assert read(last_id)[1]["type"] == "registration.removed"
