"""The live feed: many events in, few messages out."""

from __future__ import annotations

import asyncio
import json
import os

from channels.layers import get_channel_layer

from sipadmin.dashboard import feed as feed_module
from sipadmin.dashboard.feed import ALL_TOPICS, MOST_CHANGES, LiveFeed


def event(kind: str, key: int, **facts) -> dict:
    return {"kind": kind, "key": key, "facts": {"id": key, **facts}}


def heard(feed: LiveFeed, *topics: str) -> list[dict]:
    """The next messages for a page that shows these topics (all of them when none is named)."""
    stream = feed.stream(frozenset(topics) or ALL_TOPICS)
    stream.listeners.add("page")
    return [json.loads(text) for one, text in feed.messages() if one is stream]


def test_last_change_of_an_object_wins():
    feed = LiveFeed()
    feed.take([event("binding", 1, q=0.1), event("call", 1), event("binding", 1, q=0.9)])
    [message] = heard(feed, "bindings", "calls")
    assert message == {"type": "delta", "seq": 1, "bindings": [{"id": 1, "q": 0.9}], "calls": [{"id": 1}]}
    assert heard(feed, "bindings", "calls") == []


def test_a_page_hears_of_what_it_shows():
    feed = LiveFeed()
    for topics in ((), ("calls",), ("bindings",)):
        feed.stream(frozenset(topics)).listeners.add("page")
    feed.take([event("call", 1)])
    [(stream, text)] = feed.messages()
    assert stream.topics == {"calls"}
    assert json.loads(text) == {"type": "delta", "seq": 1, "calls": [{"id": 1}]}


def test_who_listens_to_nothing_hears_of_no_gap():
    feed = LiveFeed()
    feed.stream(frozenset()).listeners.add("page")
    feed.take([{"kind": "gap", "key": 0, "facts": {}}])
    assert feed.messages() == []


def test_nothing_is_encoded_for_nobody():
    feed = LiveFeed()
    feed.stream(ALL_TOPICS)
    feed.take([event("call", 1)])
    assert feed.messages() == []


def test_sequence_has_no_holes():
    feed = LiveFeed()
    for expected in (1, 2, 3):
        feed.take([event("call", expected)])
        assert heard(feed)[0]["seq"] == expected


def test_a_gap_says_read_again():
    feed = LiveFeed()
    feed.take([event("binding", 1), {"kind": "gap", "key": 0, "facts": {}}])
    assert heard(feed) == [{"type": "gap", "seq": 1}]


def test_too_many_changes_are_a_gap():
    feed = LiveFeed()
    feed.take([event("binding", key) for key in range(MOST_CHANGES + 1)])
    assert heard(feed)[0]["type"] == "gap"


def test_what_is_remembered_is_bounded():
    feed = LiveFeed()
    feed.take([event("call", key) for key in range(5000)])
    assert len(feed.recent("call")) == feed_module.MOST_RECENT
    assert 4999 in feed.recent("call")


def test_events_of_unknown_kinds_are_left_out():
    feed = LiveFeed()
    feed.take([event("weather", 1), {"kind": "binding", "key": 1, "facts": None}])
    assert heard(feed) == []


def test_text_that_is_no_utf8_passes():
    feed = LiveFeed()
    feed.take([event("binding", 1, user_agent=os.fsdecode(b"\xff\xfe"))])
    feed.stream(ALL_TOPICS).listeners.add("page")
    [(_, text)] = feed.messages()
    assert text.isascii()


async def test_first_starts_and_last_stops_the_watching():
    started, stopped = asyncio.Event(), asyncio.Event()
    batches: asyncio.Queue = asyncio.Queue()

    async def watch():
        started.set()
        try:
            while True:
                yield await batches.get()
        finally:
            stopped.set()

    feed = LiveFeed(watch, figures=dict)
    layer = get_channel_layer()
    one, other = await layer.new_channel(), await layer.new_channel()
    await feed.join(one)
    await feed.join(other)
    await started.wait()
    await batches.put([event("call", 7)])
    received = [await layer.receive(channel) for channel in (one, other)]
    assert received[0]["text"] == received[1]["text"]
    assert json.loads(received[0]["text"])["calls"] == [{"id": 7}]
    await feed.leave(one)
    assert not stopped.is_set()
    await feed.leave(other)
    await asyncio.wait_for(stopped.wait(), 5)


async def test_a_burst_is_one_message():
    batches: asyncio.Queue = asyncio.Queue()

    async def watch():
        while True:
            yield await batches.get()

    feed = LiveFeed(watch, figures=dict)
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await feed.join(channel)
    for key in range(300):
        await batches.put([event("binding", key)])
    message = json.loads((await layer.receive(channel))["text"])
    assert (message["seq"], len(message["bindings"])) == (1, 300)
    await feed.leave(channel)


async def test_figures_go_along_when_they_change(monkeypatch):
    figures = [{"registered": 1}]
    feed = LiveFeed(figures=lambda: figures[0])
    monkeypatch.setattr(feed_module, "database_sync_to_async", lambda read: wrapped(read))
    await feed.measure()
    assert heard(feed)[0]["figures"] == {"registered": 1}
    await feed.measure()
    assert heard(feed) == []


def wrapped(read):
    async def call():
        return read()

    return call


async def test_a_failing_bus_is_a_gap_and_is_tried_again(monkeypatch):
    monkeypatch.setattr(feed_module, "RETRY_INTERVAL", 0.0)
    batches: asyncio.Queue = asyncio.Queue()
    tries = 0

    async def watch():
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OSError("no bus")
        while True:
            yield await batches.get()

    feed = LiveFeed(watch, figures=dict)
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await feed.join(channel)
    assert json.loads((await layer.receive(channel))["text"])["type"] == "gap"
    await batches.put([event("call", 1)])
    assert json.loads((await layer.receive(channel))["text"])["type"] == "delta"
    await feed.leave(channel)
