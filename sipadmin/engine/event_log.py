"""What happened, as rows: taken from the engine's announcements, written in bounded batches, kept for a while."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import DatabaseError, connection, transaction

from sipadmin.event_types import Entry, entries_of, hung_up
from sipadmin.models import Event

logger = logging.getLogger(__name__)

Build = Callable[[], dict[str, Any] | None]
Announce = Callable[[str, int, Build], None]

WRITE_INTERVAL = 0.25  # seconds; what a timeline or a webhook may be behind
CLEAR_INTERVAL = 60.0  # seconds between looks for old rows
MOST_WAITING = 10_000  # announcements; when the database falls behind, the oldest are dropped and counted
MOST_AT_ONCE = 1_000  # announcements looked at in one transaction, so that none holds the write lock for long
# Rows of one batch of what comes by the thousand: refreshes are news to a timeline only, and a guesser's failures
# tell nothing new after the first. 200 a second each.
MOST_OF_FREQUENT = 50
FREQUENT = frozenset({"registration.refreshed", "auth.failed"})
MOST_CALLS = 50_000  # calls whose last state is remembered

KEPT = timedelta(days=30)
REFRESHES_KEPT = timedelta(days=2)
KEPT_ROWS = 1_000_000  # about 400 MB with SQLite
REMOVED_AT_ONCE = 5_000  # so that a large clearance never holds the database for long


class EventLog:
    """``announce`` belongs to the loop thread and costs a microsecond; a thread of its own builds and writes.

    Every announcement also goes on to ``passed_on``. ``written``, ``dropped`` (the database fell behind) and
    ``skipped`` (more of a frequent type than is kept) count events.
    """

    def __init__(self, passed_on: Announce, wall: Callable[[], float] = time.time) -> None:
        self._passed_on = passed_on
        self._wall = wall
        self._waiting: deque[tuple[float, str, int, Build]] = deque()
        self._calls: dict[int, str] = {}  # the writer's: call -> state that the log knows
        self._answered: dict[str, Entry] = {}  # the writer's: Call-ID -> what was written of a call that goes on
        self._executor = ThreadPoolExecutor(1, "events")
        self._task: asyncio.Task[None] | None = None
        self.written = 0
        self.dropped = 0
        self.skipped = 0

    # In the loop thread

    def announce(self, kind: str, key: int, build: Build) -> None:
        """Pass on, and keep for the next batch."""
        self._passed_on(kind, key, build)
        self._keep(kind, key, build)

    def _keep(self, kind: str, key: int, build: Build) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append((self._wall(), kind, key, build))

    def call_hung_up(self, call_id: str) -> None:
        """The BYE of an answered call went by."""
        facts = {"type": "call.ended", "call_id": call_id}
        self._keep("hang-up", 0, lambda: facts)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Write what is waiting and end."""
        loop = asyncio.get_running_loop()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await loop.run_in_executor(self._executor, self.write_waiting)
        self._executor.submit(connection.close)
        self._executor.shutdown()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        clear_at = loop.time() + CLEAR_INTERVAL
        while True:
            await asyncio.sleep(WRITE_INTERVAL)
            if self._waiting:
                await loop.run_in_executor(self._executor, self.write_waiting)
            if loop.time() >= clear_at:
                clear_at = loop.time() + CLEAR_INTERVAL
                await loop.run_in_executor(self._executor, self.clear)

    # In the writer thread

    def write_waiting(self) -> None:
        """Write all that waits now. Blocking; for the writer thread and for tests."""
        left = len(self._waiting)
        while left > 0:
            batch = []
            for _ in range(min(left, MOST_AT_ONCE)):
                with suppress(IndexError):  # the loop thread may have dropped it
                    batch.append(self._waiting.popleft())
            left -= MOST_AT_ONCE
            rows = self._rows(batch)
            if rows:
                self._write(rows)

    def _rows(self, batch: list[tuple[float, str, int, Build]]) -> list[Event]:
        rows = []
        last = {key: position for position, (_, kind, key, _) in enumerate(batch) if kind == "call"}
        frequent: dict[str, int] = {}
        for position, (at, kind, key, build) in enumerate(batch):
            if kind == "call" and last[key] != position:
                continue  # the last one tells all: a record is read as it is now
            try:
                facts = build()
                entries = self._entries(at, kind, key, facts) if facts else []
            except Exception:
                logger.exception("an event of kind %s could not be described", kind)
                continue
            for entry in entries:
                if entry.type in FREQUENT:
                    frequent[entry.type] = frequent.get(entry.type, 0) + 1
                    if frequent[entry.type] > MOST_OF_FREQUENT:
                        self.skipped += 1
                        continue
                moment = datetime.fromtimestamp(at, UTC)
                rows.append(Event(ts=moment, type=entry.type, subject=entry.subject[:400], data=entry.data))
        return rows

    def _entries(self, at: float, kind: str, key: int, facts: dict[str, Any]) -> list[Entry]:
        if kind == "hang-up":
            answered = self._answered.pop(facts["call_id"], None)
            return [hung_up(answered, at)] if answered is not None else []
        entries = list(entries_of(kind, facts, self._calls.get(key, "")))
        if kind == "call":
            remember(self._calls, key, facts["state"])
            for entry in entries:
                if entry.type == "call.answered":
                    remember(self._answered, entry.data["call_id"], entry)
        return entries

    def _write(self, rows: list[Event]) -> None:
        try:
            with transaction.atomic():
                Event.objects.bulk_create(rows)
        except DatabaseError as error:
            logger.warning("%d events not written: %s", len(rows), error)
            self.dropped += len(rows)
            connection.close_if_unusable_or_obsolete()
        else:
            self.written += len(rows)

    def clear(self) -> None:
        """Remove rows that are too old or too many, a part at a time. Blocking."""
        try:
            clear_old(datetime.fromtimestamp(self._wall(), UTC))
        except DatabaseError as error:
            logger.warning("old events not removed: %s", error)


def remember(memory: dict[Any, Any], key: Any, value: Any) -> None:
    """As the newest; the oldest of too many is forgotten."""
    memory.pop(key, None)
    memory[key] = value
    if len(memory) > MOST_CALLS:
        del memory[next(iter(memory))]


def clear_old(now: datetime, rows: int = KEPT_ROWS) -> int:
    """Remove up to REMOVED_AT_ONCE of each: refreshes after two days, others after thirty, and what is too many."""
    last = Event.objects.order_by("-id").values_list("id", flat=True).first() or 0
    count = 0
    for old in (
        Event.objects.filter(ts__lt=now - KEPT),
        Event.objects.filter(type="registration.refreshed", ts__lt=now - REFRESHES_KEPT),
        Event.objects.filter(id__lte=last - rows),
    ):
        ids = list(old.order_by("id").values_list("id", flat=True)[:REMOVED_AT_ONCE])
        for start in range(0, len(ids), 500):
            count += Event.objects.filter(id__in=ids[start : start + 500]).delete()[0]
    return count
