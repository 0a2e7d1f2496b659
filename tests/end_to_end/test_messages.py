"""Messages for people who are away, watched registrations and routing rules, in the running product."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any
from xml.etree import ElementTree

import pytest

from sip.message.messages import Request
from sipadmin.demo.phone import Phone
from sipadmin.demo.sockets import Reply
from sipadmin.demo.transactions import ServerTransaction
from tests.end_to_end.api_client import ApiClient
from tests.end_to_end.enrolment import Enrolment, until
from tests.end_to_end.product import Product, wait_until

DEADLINE = 15.0
NS = "{urn:ietf:params:xml:ns:reginfo}"


class Watcher(Phone):
    """A phone that takes NOTIFY."""

    def _request_received(self, request: Request, reply: Reply) -> None:
        if request.method != "NOTIFY":
            super()._request_received(request, reply)
            return
        self._note(request)
        self._respond(ServerTransaction(request, reply, t1=self.t1, is_reliable=self.is_reliable), 200)

    async def notified(self, event: str) -> Request:
        """The first NOTIFY that tells of a contact with this event."""

        def is_meant(request: Request) -> bool:
            return request.method == "NOTIFY" and event in [
                contact.get("event") for contact in ElementTree.fromstring(request.body).iter(f"{NS}contact")
            ]

        return await asyncio.wait_for(self.wait_for_request(is_meant), DEADLINE)


@pytest.fixture(scope="module")
def domain(product: Product) -> Enrolment:
    users = dict.fromkeys(("alice", "bob", "carol", "desk"), "")
    return Enrolment(product, "messages.test", users, settings=["store_messages=from-users"])


@pytest.fixture
async def phone(domain: Enrolment) -> AsyncIterator[Callable[..., Coroutine[Any, Any, Watcher]]]:
    phones: list[Watcher] = []

    async def make(user: str, **options: Any) -> Watcher:
        made = Watcher(domain.aor(user), domain.passwords[user], domain.server, **options)
        phones.append(await made.start())
        return made

    yield make
    for made in phones:
        if made.registered is not None:
            await asyncio.wait_for(made.unregister(), DEADLINE)
        await made.stop()


def stored(domain: Enrolment) -> int:
    [row] = domain._rows("SELECT count(*) AS count FROM proxy_storedmessage")
    return int(row["count"])


@pytest.mark.rule("P32")
@pytest.mark.rfc("3428", "7")
@pytest.mark.parametrize("protocol", ["udp", "tcp"])
async def test_a_message_outlives_the_server_and_is_delivered(domain, phone, protocol):
    alice = await phone("alice")
    for text in (b"first", b"second"):
        answer = await alice.request(
            "MESSAGE", domain.aor("bob"), fields=[("Content-Type", "text/plain"), ("X-Mood", "good")], body=text
        )
        assert answer.status == 202
    typing = [("Content-Type", "application/im-iscomposing+xml")]
    assert (await alice.request("MESSAGE", domain.aor("bob"), fields=typing, body=b"<x/>")).status == 480
    assert stored(domain) == 2
    before = domain.product.child("sip")
    os.kill(before, signal.SIGKILL)

    def is_back() -> bool:
        try:
            return domain.product.child("sip") != before and domain.product.get("/readyz")[0] == 200
        except LookupError:
            return False

    assert await asyncio.to_thread(wait_until, is_back, 30.0)
    bob = await phone("bob", protocol=protocol)
    assert (await bob.register()).status == 200
    got = [await asyncio.wait_for(bob.messages.get(), DEADLINE) for _ in range(2)]
    assert [message.body for message in got] == [b"first", b"second"]
    assert got[0].first("from").startswith(alice.address)
    assert got[0].first("x-mood") == "good"
    assert got[0].has("date")
    await asyncio.to_thread(until, lambda: stored(domain), lambda count: count == 0, "empty box")


@pytest.mark.rfc("3680", "4")
async def test_a_phone_watches_its_user(domain, phone):
    watcher = await phone("carol")
    subscribed = await watcher.request("SUBSCRIBE", domain.aor("carol"), fields=[("Event", "reg"), ("Expires", "60")])
    assert (subscribed.status, subscribed.first("expires")) == (200, "60")
    desk = await phone("carol")
    assert (await desk.register()).status == 200
    told = await watcher.notified("registered")
    assert desk.contact.encode() in told.body
    assert (await desk.unregister()).status == 200
    desk.registered = None
    assert told.call_id == (await watcher.notified("unregistered")).call_id


async def test_nobody_watches_others(domain, phone):
    mallory = await phone("alice")
    answer = await mallory.request("SUBSCRIBE", domain.aor("bob"), fields=[("Event", "reg")])
    assert answer.status == 403


async def test_a_rule_is_in_force_when_its_answer_arrives_and_was_foretold(domain, phone):
    client = ApiClient(domain.product, "routing")

    async def ask(method: str, place: str, body: Any = None) -> Any:
        answer = await asyncio.to_thread(client, method, place, body)
        assert answer.status < 300, answer.body
        return answer.body

    rule = {
        "priority": 10, "description": "hotline", "match": {"domain": "messages.test", "user_pattern": "0800*"},
        "action": "forward", "targets": [domain.aor("desk")],
    }  # fmt: skip
    question = {"from": domain.aor("alice"), "to": "08001234@messages.test", "source": "127.0.0.1"}
    desk, alice = await phone("desk"), await phone("alice")
    await desk.register()
    foretold = await ask("POST", "routing/simulate/", {**question, "draft": {"rule": {"rule": rule}}})
    assert foretold["answer"]["status"] == 404
    assert [target["uri"] for target in foretold["after"]["targets"]] == [desk.contact]
    call = await asyncio.wait_for(alice.call("sip:08001234@messages.test"), DEADLINE)
    assert call.final_status == 404
    made = await ask("POST", "routing-rules/", rule)
    call = await asyncio.wait_for(alice.call("sip:08005678@messages.test"), DEADLINE)
    assert call.final_status == 486  # the desk's test phone says that it is busy
    attempt = await asyncio.to_thread(domain.attempt, "08005678")
    assert attempt["policy_origin"] == "rule 10 'hotline'"
    foretold = await ask("POST", "routing/simulate/", question)
    assert foretold["policy_origin"] == attempt["policy_origin"]
    assert [target["uri"] for target in foretold["targets"]] == [branch["target"] for branch in attempt["branches"]]
    await ask("DELETE", f"routing-rules/{made['id']}/")
