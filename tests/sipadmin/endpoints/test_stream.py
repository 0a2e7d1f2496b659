"""/api/v1/events/stream"""

import asyncio
import json

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient
from django.utils import timezone

from sipadmin.accounts.models import ApiToken
from sipadmin.accounts.tokens import issue_token
from sipadmin.endpoints import stream
from sipadmin.models import Event

pytestmark = pytest.mark.django_db(transaction=True)
PLACE = "/api/v1/events/stream"
BOB = "sip:bob@example.org"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(stream, "POLL_INTERVAL", 0.01)
    monkeypatch.setattr(stream, "tail", stream.Tail())


@pytest.fixture
def text():
    return issue_token("reader", ["events:read"])[1]


def event(type="registration.created", subject=BOB):
    return Event.objects.create(ts=timezone.now(), type=type, subject=subject, data={"n": 1})


def a_get(text, query="", **headers):
    return AsyncClient().get(PLACE + query, headers={"Authorization": f"Bearer {text}", **headers})


class Reader:
    """Reads events from a response, one at a time."""

    def __init__(self, response):
        self.parts = response.streaming_content.__aiter__()

    async def next(self):
        """(id, name, facts); None for a comment or a setting."""
        part = (await asyncio.wait_for(anext(self.parts), 10)).decode()
        assert part.endswith("\n\n")
        fields = dict(line.split(": ", 1) for line in part.strip().split("\n"))
        return (int(fields.get("id", 0)), fields["event"], json.loads(fields["data"])) if "event" in fields else None

    async def events(self, count):
        found = []
        while len(found) < count:
            one = await self.next()
            if one is not None:
                found.append(one)
        return found

    async def close(self):
        await self.parts.aclose()


async def test_what_is_new(text):
    await sync_to_async(event)()
    response = await a_get(text)
    assert response.headers["Content-Type"] == "text/event-stream"
    assert response.headers["Cache-Control"] == "no-store"
    reader = Reader(response)
    assert await reader.next() is None  # retry
    row = await sync_to_async(event)()
    [(id, name, facts)] = await reader.events(1)
    assert (id, name) == (row.pk, "registration.created")
    assert facts.keys() == {"id", "ts", "type", "subject", "data"}
    assert facts["data"] == {"n": 1}
    await reader.close()


async def test_the_log_is_read_only_while_somebody_listens():
    first, second = (stream.follow(None, lambda facts: True, lambda: True) for _ in range(2))
    await anext(first)
    await anext(second)
    assert stream.tail.streams == 2
    await first.aclose()
    assert stream.tail._task is not None
    await second.aclose()
    assert (stream.tail.streams, stream.tail._task) == (0, None)


async def test_goes_on_where_one_was(text):
    rows = [await sync_to_async(event)() for _ in range(3)]
    reader = Reader(await a_get(text, **{"Last-Event-ID": str(rows[0].pk)}))
    assert [id for id, _, _ in await reader.events(2)] == [rows[1].pk, rows[2].pk]
    later = await sync_to_async(event)()
    assert [id for id, _, _ in await reader.events(1)] == [later.pk]
    await reader.close()


async def test_a_gap_is_told(text):
    first, second, third = [(await sync_to_async(event)()).pk for _ in range(3)]
    await sync_to_async(Event.objects.filter(pk__in=[first, second]).delete)()
    reader = Reader(await a_get(text, f"?after={first - 1}"))
    (_, name, facts), (id, _, _) = await reader.events(2)
    assert (name, facts) == ("gap", {"after": first - 1, "next": third})
    assert id == third
    await reader.close()


async def test_two_readers_with_filters(text):
    calls = Reader(await a_get(text, "?type=call.*"))
    bobs = Reader(await a_get(text, f"?subject={BOB}"))
    for reader in (calls, bobs):
        await reader.next()
    for type, subject in (("call.ended", "sip:carol@example.org"), ("registration.expired", BOB), ("call.ended", BOB)):
        await sync_to_async(event)(type, subject)
    assert [(name, facts["subject"]) for _, name, facts in await calls.events(2)] == [
        ("call.ended", "sip:carol@example.org"), ("call.ended", BOB),
    ]  # fmt: skip
    assert [name for _, name, _ in await bobs.events(2)] == ["registration.expired", "call.ended"]
    await calls.close()
    await bobs.close()


async def test_who_is_behind_memory_reads_the_database(text, monkeypatch):
    monkeypatch.setattr(stream, "AT_ONCE", 2)
    monkeypatch.setattr(stream, "REMEMBERED", 2)
    monkeypatch.setattr(stream, "tail", stream.Tail())
    rows = [await sync_to_async(event)() for _ in range(5)]
    reader = Reader(await a_get(text, f"?after={rows[0].pk}"))
    assert [id for id, _, _ in await reader.events(4)] == [row.pk for row in rows[1:]]
    more = [await sync_to_async(event)() for _ in range(5)]
    assert [id for id, _, _ in await reader.events(5)] == [row.pk for row in more]
    await reader.close()


async def test_a_revoked_token_ends_it(text, monkeypatch):
    monkeypatch.setattr(stream, "HEARTBEAT", 0.02)
    reader = Reader(await a_get(text))
    await reader.next()
    assert await reader.next() is None  # still here
    await sync_to_async(ApiToken.objects.update)(is_revoked=True)
    with pytest.raises(StopAsyncIteration):
        while True:
            await reader.next()


@pytest.mark.parametrize("limit", ["LONGEST", "MOST_BYTES"])
async def test_it_ends_by_itself(text, monkeypatch, limit):
    monkeypatch.setattr(stream, limit, 0)
    reader = Reader(await a_get(text))
    await reader.next()
    with pytest.raises(StopAsyncIteration):
        await reader.next()


async def test_not_too_many(text, monkeypatch):
    monkeypatch.setattr(stream, "MOST_STREAMS", 0)
    response = await a_get(text)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "10")


async def test_a_database_that_is_gone_for_a_moment(text, monkeypatch, caplog):
    read, failures = stream.read_events, [stream.DatabaseError("locked")]

    def fail_once(after):
        if failures:
            raise failures.pop()
        return read(after)

    monkeypatch.setattr(stream, "read_events", fail_once)
    reader = Reader(await a_get(text))
    await reader.next()
    row = await sync_to_async(event)()
    assert [id for id, _, _ in await reader.events(1)] == [row.pk]
    assert "locked" in caplog.text
    await reader.close()


class TestRefusals:
    @pytest.mark.parametrize("query", ["?type=nothing", "?bogus=1", "?after=x", "?after=-1", "?after=" + "9" * 19])
    async def test_questions(self, text, query):
        response = await a_get(text, query)
        assert response.status_code == 400
        assert response.headers["Content-Type"] == "application/problem+json"

    async def test_strangers(self, text):
        for response in (await AsyncClient().get(PLACE), await a_get(text[:-1] + "x")):
            assert response.status_code == 401
            assert response.headers["WWW-Authenticate"]

    async def test_another_scope(self):
        other = await sync_to_async(issue_token)("other", ["users:read"])
        assert (await a_get(other[1])).status_code == 403

    async def test_it_can_only_be_read(self, text):
        response = await AsyncClient().post(PLACE, headers={"Authorization": f"Bearer {text}"})
        assert (response.status_code, response.headers["Allow"]) == (405, "GET")

    async def test_a_session_may(self, operator):
        client = AsyncClient()
        await client.aforce_login(operator)
        reader = Reader(await client.get(PLACE))
        await reader.next()
        await reader.close()
