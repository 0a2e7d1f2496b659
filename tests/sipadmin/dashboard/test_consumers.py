"""The live pages' WebSocket, as a browser meets it: Origin, session, snapshot, deltas."""

from __future__ import annotations

import asyncio
import json

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.test import Client

from sipadmin.asgi import application
from sipadmin.dashboard import consumers
from sipadmin.dashboard.consumers import LiveConsumer
from sipadmin.dashboard.feed import LiveFeed
from tests.console import HOSTILE, attempt, bind

pytestmark = pytest.mark.django_db(transaction=True)
ORIGIN = b"http://localhost:8000"


@pytest.fixture
def feed(monkeypatch):
    """A feed whose events the test chooses."""
    batches: asyncio.Queue = asyncio.Queue()

    async def watch():
        while True:
            yield await batches.get()

    found = LiveFeed(watch, figures=dict)
    found.batches = batches
    monkeypatch.setattr(LiveConsumer, "feed", found)
    return found


@pytest.fixture
def session(admin_page) -> str:
    return admin_page.cookies["sessionid"].value


def browser(session: str = "", origin: bytes | None = ORIGIN, query: str = "") -> WebsocketCommunicator:
    headers = [(b"host", b"localhost:8000"), (b"cookie", f"sessionid={session}".encode())]
    if origin is not None:
        headers.append((b"origin", origin))
    return WebsocketCommunicator(application, f"/ws/live/{query}", headers=headers)


async def test_it_works(session, feed, bob):
    await sync_to_async(bind)(bob)
    await sync_to_async(attempt)()
    page = browser(session)
    assert (await page.connect(timeout=5))[0]
    snapshot = await page.receive_json_from(timeout=5)
    assert (snapshot["type"], snapshot["seq"]) == ("snapshot", 0)
    assert [facts["contact"] for facts in snapshot["bindings"]] == ["sip:bob@192.0.2.1:5060"]
    assert snapshot["calls"][0]["branches"][0]["status"] == 486
    await feed.batches.put([{"kind": "binding", "key": 9, "facts": {"id": 9, "aor": "sip:carol@example.org"}}])
    delta = await page.receive_json_from(timeout=5)
    assert delta["bindings"] == [{"id": 9, "aor": "sip:carol@example.org"}]
    assert (delta["type"], delta["seq"], delta["calls"]) == ("delta", 1, [])
    await page.disconnect()


async def test_filter_of_the_snapshot(session, feed, alice, bob):
    await sync_to_async(bind)(alice, 1)
    await sync_to_async(bind)(bob, 2)
    page = browser(session, query="?q=alice")
    await page.connect(timeout=5)
    assert [facts["aor"] for facts in (await page.receive_json_from(timeout=5))["bindings"]] == [
        "sip:alice@example.org"
    ]
    await page.disconnect()


async def test_another_filter_on_request(session, feed, alice, bob, monkeypatch):
    monkeypatch.setattr(consumers, "SNAPSHOT_INTERVAL", 0.0)
    await sync_to_async(bind)(alice, 1)
    await sync_to_async(bind)(bob, 2)
    page = browser(session)
    await page.connect(timeout=5)
    assert len((await page.receive_json_from(timeout=5))["bindings"]) == 2
    await page.send_json_to({"type": "snapshot", "q": "bob"})
    assert [facts["aor"] for facts in (await page.receive_json_from(timeout=5))["bindings"]] == ["sip:bob@example.org"]
    await page.disconnect()


async def test_a_page_gets_what_it_shows(session, feed, bob):
    await sync_to_async(bind)(bob)
    await sync_to_async(attempt)()
    page = browser(session, query="?topics=calls")
    await page.connect(timeout=5)
    snapshot = await page.receive_json_from(timeout=5)
    assert "bindings" not in snapshot
    assert len(snapshot["calls"]) == 1
    await page.disconnect()


async def test_a_page_without_topics_gets_the_figures(session, feed, bob):
    page = browser(session, query="?topics=")
    await page.connect(timeout=5)
    snapshot = await page.receive_json_from(timeout=5)
    assert not {"bindings", "calls"} & set(snapshot)
    await feed.batches.put([{"kind": "call", "key": 1, "facts": {"id": 1}}])
    assert await page.receive_nothing(timeout=0.5)
    await page.disconnect()


async def test_the_last_refusals_are_in_the_snapshot(session, feed, bob):
    feed.take([{"kind": "knock", "key": 5, "facts": {"cause": "password"}}])
    page = browser(session, query="?topics=knocks")
    await page.connect(timeout=5)
    assert (await page.receive_json_from(timeout=5))["knocks"] == [{"cause": "password"}]
    await page.disconnect()


async def test_many_bindings_come_in_parts(session, feed, alice, bob, monkeypatch):
    monkeypatch.setattr(consumers, "PART", 1)
    await sync_to_async(bind)(alice, 1)
    await sync_to_async(bind)(bob, 2)
    page = browser(session)
    await page.connect(timeout=5)
    messages = [await page.receive_json_from(timeout=5) for _ in range(2)]
    assert [(one["part"], one["parts"], len(one["bindings"])) for one in messages] == [(0, 2, 1), (1, 2, 1)]
    await page.disconnect()


async def test_operators_may_watch(operator_page, feed):
    page = browser(operator_page.cookies["sessionid"].value)
    assert (await page.connect(timeout=5))[0]
    await page.disconnect()


class TestRefusals:
    """Threat 28: no socket for other sites, none without a session."""

    async def refused(self, page: WebsocketCommunicator) -> None:
        is_connected, _ = await page.connect(timeout=5)
        assert not is_connected

    async def test_without_session(self, feed, db):
        await self.refused(browser())

    async def test_invented_session(self, feed, db):
        await self.refused(browser("x" * 32))

    async def test_foreign_origin(self, session, feed):
        await self.refused(browser(session, origin=b"http://evil.example"))

    async def test_no_origin(self, session, feed):
        await self.refused(browser(session, origin=None))

    async def test_disabled_account(self, session, administrator, feed):
        administrator.is_active = False
        await sync_to_async(administrator.save)()
        await self.refused(browser(session))

    async def test_another_address(self, session):
        headers = [(b"host", b"localhost:8000"), (b"origin", ORIGIN), (b"cookie", f"sessionid={session}".encode())]
        await self.refused(WebsocketCommunicator(application, "/ws/other/", headers=headers))

    async def test_after_logout(self, admin_page, session, feed):
        await sync_to_async(admin_page.post)("/logout/")
        await self.refused(browser(session))


class TestEnd:
    """A socket does not outlive its session."""

    async def closed(self, page: WebsocketCommunicator) -> int:
        while True:
            output = await page.receive_output(timeout=5)
            if output["type"] == "websocket.close":
                return output["code"]

    async def test_logout_closes_at_once(self, admin_page, session, feed):
        page = browser(session)
        await page.connect(timeout=5)
        await page.receive_json_from(timeout=5)
        await sync_to_async(admin_page.post)("/logout/")
        assert await self.closed(page) == consumers.SESSION_ENDED

    async def test_logout_elsewhere_does_not(self, administrator, session, feed):
        other = Client()
        await sync_to_async(other.force_login)(administrator)
        page = browser(session)
        await page.connect(timeout=5)
        await page.receive_json_from(timeout=5)
        await sync_to_async(other.post)("/logout/")
        await feed.batches.put([{"kind": "call", "key": 1, "facts": {"id": 1}}])
        assert (await page.receive_json_from(timeout=5))["type"] == "delta"
        await page.disconnect()

    @pytest.fixture
    def quick_heartbeat(self, monkeypatch):
        monkeypatch.setattr(LiveConsumer, "heartbeat_interval", 0.0)

    async def test_heartbeat(self, session, feed, quick_heartbeat):
        page = browser(session)
        await page.connect(timeout=5)
        await page.receive_json_from(timeout=5)
        assert (await page.receive_json_from(timeout=5))["type"] == "hb"
        await page.disconnect()

    async def test_heartbeat_sees_a_new_password(self, session, administrator, feed, quick_heartbeat):
        page = browser(session)
        await page.connect(timeout=5)
        administrator.set_password("something else entirely")
        await sync_to_async(administrator.save)()
        assert await self.closed(page) == consumers.SESSION_ENDED


class TestMessagesOfTheBrowser:
    async def test_a_snapshot_on_request(self, session, feed, monkeypatch):
        monkeypatch.setattr(consumers, "SNAPSHOT_INTERVAL", 0.0)
        page = browser(session)
        await page.connect(timeout=5)
        await page.receive_json_from(timeout=5)
        await page.send_json_to({"type": "snapshot"})
        assert (await page.receive_json_from(timeout=5))["type"] == "snapshot"
        await page.disconnect()

    @pytest.mark.parametrize(
        "text",
        [
            "nonsense",
            "[]",
            '{"type": "delete"}',
            '{"type": "snapshot", "more": 1}',
            '{"type": "snapshot", "q": 1}',
            '{"type": "snapshot", "q": "' + "x" * 201 + '"}',
            '{"type": "snapshot"' + " " * 1500 + "}",
            "\ud800",
        ],
    )
    async def test_anything_else_ends_it(self, session, feed, text):
        page = browser(session)
        await page.connect(timeout=5)
        await page.receive_json_from(timeout=5)
        await page.send_to(text_data=text)
        assert (await page.receive_output(timeout=5))["type"] == "websocket.close"

    async def test_bytes_end_it(self, session, feed):
        page = browser(session)
        await page.connect(timeout=5)
        await page.receive_json_from(timeout=5)
        await page.send_to(bytes_data=b"\x00")
        assert (await page.receive_output(timeout=5))["type"] == "websocket.close"


async def test_a_change_newer_than_the_database_is_in_the_snapshot(session, feed, bob):
    feed.take([{"kind": "call", "key": 77, "facts": {"id": 77, "started_at": 9e9, "state": "ringing"}}])
    page = browser(session)
    await page.connect(timeout=5)
    assert (await page.receive_json_from(timeout=5))["calls"][0]["id"] == 77
    await page.disconnect()


async def test_hostile_text_stays_text(session, feed):
    """JSON carries it; live.js only ever sets textContent (test_scripts.py)."""
    page = browser(session)
    await page.connect(timeout=5)
    await page.receive_json_from(timeout=5)
    await feed.batches.put([{"kind": "binding", "key": 1, "facts": {"id": 1, "user_agent": HOSTILE}}])
    assert json.loads(await page.receive_from(timeout=5))["bindings"][0]["user_agent"] == HOSTILE
    await page.disconnect()
