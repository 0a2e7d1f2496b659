"""From the bus to the browsers: one watcher a process, one group message a tick however much happens.

An in-memory channel drops silently what exceeds 100 waiting messages, so that events are never sent one by one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer

from sipadmin import bus
from sipadmin.dashboard import snapshot

logger = logging.getLogger(__name__)

TICK = 0.25  # seconds between two deltas: four states a second are all that people can read
FIGURES_INTERVAL = 1.0
RETRY_INTERVAL = 1.0
MOST_CHANGES = 500  # in one delta; above it reading the whole again is cheaper
RECENT_FOR = 15.0  # seconds a change is kept for snapshots that may read the database before it is written
MOST_RECENT = 2000
TOPICS = {
    "binding": "bindings",
    "call": "calls",
    "knock": "knocks",
    "trace": "traces",
}  # kind of event -> what a page asks for
Topics = frozenset[str]
ALL_TOPICS: Topics = frozenset(TOPICS.values())


class Stream:
    """Those who listen to the same topics: they get the same messages, numbered without holes by ``sequence``."""

    def __init__(self, feed_name: str, topics: Topics) -> None:
        self.group = f"{feed_name}.{'-'.join(sorted(topics)) or 'none'}"
        self.topics = topics
        self.sequence = 0
        self.listeners: set[str] = set()


class LiveFeed:
    """Watches the bus while at least one consumer listens."""

    def __init__(
        self,
        watch: Callable[[], AsyncIterator[list[dict[str, Any]]]] = bus.watch,
        figures: Callable[[], dict[str, Any]] = snapshot.figures,
    ) -> None:
        self._name = f"live.{secrets.token_hex(8)}"  # of this process only: each process watches for itself
        self.figures: dict[str, Any] = {}
        self._watch = watch
        self._read_figures = figures
        self._streams: dict[Topics, Stream] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._pending: dict[tuple[str, int], dict[str, Any]] = {}
        self._recent: dict[tuple[str, int], tuple[float, dict[str, Any]]] = {}
        self._has_gap = False
        self._has_figures = False
        self._wake = asyncio.Event()

    def stream(self, topics: Topics) -> Stream:
        """The stream of these topics; kept for good, since its numbers must not start anew under a listener."""
        return self._streams.setdefault(topics, Stream(self._name, topics))

    async def join(self, channel: str, topics: Topics = ALL_TOPICS) -> Stream:
        """Deltas reach ``channel`` from now on; the first one starts the watching."""
        stream = self.stream(topics)
        stream.listeners.add(channel)
        await get_channel_layer().group_add(stream.group, channel)
        if not self._tasks:
            self._wake = asyncio.Event()
            self._tasks = [
                asyncio.create_task(self._collect()),
                asyncio.create_task(self._send()),
                asyncio.create_task(self._measure()),
            ]
        return stream

    async def leave(self, channel: str, topics: Topics = ALL_TOPICS) -> None:
        """The last one ends the watching: the engine builds no events that nobody sees."""
        stream = self.stream(topics)
        stream.listeners.discard(channel)
        await get_channel_layer().group_discard(stream.group, channel)
        if not any(one.listeners for one in self._streams.values()):
            tasks, self._tasks = self._tasks, []
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task
            self._pending.clear()
            self._recent.clear()

    def recent(self, kind: str) -> dict[int, dict[str, Any]]:
        """Latest facts by key of what changed within RECENT_FOR."""
        return {key: facts for (one, key), (_, facts) in self._recent.items() if one == kind}

    async def _collect(self) -> None:
        while True:
            try:
                async for events in self._watch():
                    self.take(events)
            except Exception:
                logger.exception("watching the bus failed")
            self.take([bus.GAP])
            await asyncio.sleep(RETRY_INTERVAL)

    def take(self, events: list[dict[str, Any]]) -> None:
        """Remember what changed; of several changes of one object the last."""
        now = time.monotonic()
        for event in events:
            kind, key, facts = event.get("kind"), event.get("key"), event.get("facts")
            if kind == "gap":
                self._has_gap = True
            elif kind in TOPICS and isinstance(facts, dict):
                self._pending[kind, key] = facts
                self._recent.pop((kind, key), None)
                self._recent[kind, key] = (now, facts)
        while self._recent:
            oldest = next(iter(self._recent))
            if len(self._recent) <= MOST_RECENT and now - self._recent[oldest][0] < RECENT_FOR:
                break
            del self._recent[oldest]
        self._wake.set()

    async def _send(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(TICK)
            self._wake.clear()
            for stream, message in self.messages():
                try:
                    await get_channel_layer().group_send(stream.group, {"type": "live.message", "text": message})
                except Exception:
                    # A hole in the sequence: the pages see it with the next message and read the whole again.
                    logger.exception("a live message could not be sent")

    def messages(self) -> list[tuple[Stream, str]]:
        """The next message of each stream that somebody hears, as JSON, encoded once for all its browsers."""
        pending, self._pending = self._pending, {}
        has_gap, self._has_gap = self._has_gap, False
        has_figures, self._has_figures = self._has_figures, False
        found = []
        for stream in self._streams.values():
            changes: dict[str, list[dict[str, Any]]] = {topic: [] for topic in sorted(stream.topics)}
            for (kind, _), facts in pending.items():
                if TOPICS[kind] in changes:
                    changes[TOPICS[kind]].append(facts)
            is_changed = has_figures or any(changes.values()) or (has_gap and stream.topics)
            if stream.listeners and is_changed:
                found.append((stream, self._message(stream, changes, has_gap, has_figures)))
        return found

    def _message(
        self, stream: Stream, changes: dict[str, list[dict[str, Any]]], has_gap: bool, has_figures: bool
    ) -> str:
        stream.sequence += 1
        if stream.topics and (has_gap or sum(map(len, changes.values())) > MOST_CHANGES):
            return json.dumps({"type": "gap", "seq": stream.sequence})
        figures = {"figures": self.figures} if has_figures else {}
        return json.dumps({"type": "delta", "seq": stream.sequence, **changes, **figures})

    async def _measure(self) -> None:
        while True:
            await self.measure()
            await asyncio.sleep(FIGURES_INTERVAL)

    async def measure(self) -> None:
        """Read the figures, and send them along when they changed."""
        try:
            found = await database_sync_to_async(self._read_figures)()
        except Exception:
            logger.exception("the figures of the overview could not be read")
            return
        if found != self.figures:
            self.figures = found
            self._has_figures = True
            self._wake.set()


feed = LiveFeed()
