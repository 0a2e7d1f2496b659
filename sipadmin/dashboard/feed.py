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
FIGURES_INTERVAL = 2.0
RETRY_INTERVAL = 1.0
MOST_CHANGES = 500  # in one delta; above it reading the whole again is cheaper
RECENT_FOR = 15.0  # seconds a change is kept for snapshots that may read the database before it is written
MOST_RECENT = 2000


class LiveFeed:
    """Watches the bus while at least one consumer listens. ``sequence`` numbers the messages sent."""

    def __init__(
        self,
        watch: Callable[[], AsyncIterator[list[dict[str, Any]]]] = bus.watch,
        figures: Callable[[], dict[str, Any]] = snapshot.figures,
    ) -> None:
        self.group = f"live.{secrets.token_hex(8)}"  # of this process only: each process watches for itself
        self.sequence = 0
        self.figures: dict[str, Any] = {}
        self._watch = watch
        self._read_figures = figures
        self._listeners: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._pending: dict[tuple[str, int], dict[str, Any]] = {}
        self._recent: dict[tuple[str, int], tuple[float, dict[str, Any]]] = {}
        self._has_gap = False
        self._has_figures = False
        self._wake = asyncio.Event()

    async def join(self, channel: str) -> None:
        """Deltas reach ``channel`` from now on; the first one starts the watching."""
        self._listeners.add(channel)
        await get_channel_layer().group_add(self.group, channel)
        if not self._tasks:
            self._wake = asyncio.Event()
            self._tasks = [
                asyncio.create_task(self._collect()),
                asyncio.create_task(self._send()),
                asyncio.create_task(self._measure()),
            ]

    async def leave(self, channel: str) -> None:
        """The last one ends the watching: the engine builds no events that nobody sees."""
        self._listeners.discard(channel)
        await get_channel_layer().group_discard(self.group, channel)
        if not self._listeners:
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
            elif kind in ("binding", "call") and isinstance(facts, dict):
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
            message = self.message()
            if message is not None:
                try:
                    await get_channel_layer().group_send(self.group, {"type": "live.message", "text": message})
                except Exception:
                    # A hole in the sequence: the pages see it with the next message and read the whole again.
                    logger.exception("a live message could not be sent")

    def message(self) -> str | None:
        """The next message as JSON, encoded once for every browser; None when nothing happened."""
        pending, self._pending = self._pending, {}
        has_gap, self._has_gap = self._has_gap, False
        has_figures, self._has_figures = self._has_figures, False
        if not (pending or has_gap or has_figures):
            return None
        self.sequence += 1
        if has_gap or len(pending) > MOST_CHANGES:
            return json.dumps({"type": "gap", "seq": self.sequence})
        return json.dumps(
            {
                "type": "delta",
                "seq": self.sequence,
                "bindings": [facts for (kind, _), facts in pending.items() if kind == "binding"],
                "calls": [facts for (kind, _), facts in pending.items() if kind == "call"],
                **({"figures": self.figures} if has_figures else {}),
            }
        )

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
