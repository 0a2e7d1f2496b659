"""Answers of DNS, kept for their time, each question asked once at a time (RFC 3263 §4)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from sip.transport.name_servers import Answer
from sip.transport.records import Question, Record

MIN_KEPT_INTERVAL = 1.0  # seconds, even of a TTL of 0: a call asks more than once
MAX_KEPT_INTERVAL = 3_600.0  # seconds: a change is seen within the hour, whatever the TTL
MAX_NOTHING_KEPT_INTERVAL = 60.0  # of the answer that there is nothing: it may come soon
MAX_KEPT = 4_096  # answers; strangers choose the names that are asked for
MAX_PENDING = 256  # questions asked at one time

Done = Callable[[Sequence[Record]], None]


class Source(Protocol):
    """Who is asked."""

    async def ask(self, question: Question) -> Answer: ...

    def stop(self) -> None: ...


class Resolver:
    """Cache in front of a source of answers; ``now`` is the loop's clock unless told otherwise."""

    def __init__(self, count: Counter[str], source: Source, now: Callable[[], float] | None = None) -> None:
        self._count = count
        self._source = source
        self._now = now
        self._kept: dict[Question, tuple[float, Sequence[Record]]] = {}
        self._pending: dict[Question, list[Done]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def look_up(self, question: Question, done: Done) -> None:
        """Call ``done`` with the records, [] when there are none: at once when known, else later in the loop."""
        loop = asyncio.get_running_loop()
        kept = self._kept.get(question)
        if kept is not None and kept[0] > (self._now or loop.time)():
            done(kept[1])
            return
        waiting = self._pending.get(question)
        if waiting is not None:
            waiting.append(done)
            return
        if len(self._pending) >= MAX_PENDING:
            self._count["too_many_look_ups"] += 1
            done([])
            return
        self._pending[question] = [done]
        task = loop.create_task(self._ask(question))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, question: Question) -> None:
        loop = asyncio.get_running_loop()
        records: Sequence[Record] = []
        try:
            answer = await self._source.ask(question)
            records = answer.records
            self._keep(question, answer, (self._now or loop.time)())
        finally:
            for done in self._pending.pop(question, []):
                loop.call_soon(done, records)  # each on its own: one that raises does not rob the others

    def _keep(self, question: Question, answer: Answer, now: float) -> None:
        longest = MAX_KEPT_INTERVAL if answer.records else MAX_NOTHING_KEPT_INTERVAL
        self._kept.pop(question, None)
        if len(self._kept) >= MAX_KEPT:
            self._kept = {one: kept for one, kept in self._kept.items() if kept[0] > now}
        if len(self._kept) >= MAX_KEPT:
            del self._kept[next(iter(self._kept))]  # the oldest
        self._kept[question] = (now + min(max(answer.kept, MIN_KEPT_INTERVAL), longest), answer.records)

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._pending.clear()
        self._source.stop()
