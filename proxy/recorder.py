"""Call attempts: kept while they run, announced as they change, written in batches by a thread of their own."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from threading import Event, Thread
from typing import Any, Protocol

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from proxy.events import CallRecord, Wall, call_facts
from proxy.request_log import RequestLog
from proxy.request_rows import RequestWriter, remove_old_requests
from proxy.rows import CallWriter, end_what_was_running, remove_old
from proxy.shares import forget_expired
from proxy.trace.capture import Capture
from proxy.trace.levels import RecordingRules
from proxy.trace.rows import MessageWriter, remove_old_messages

logger = logging.getLogger("proxy")

WRITE_INTERVAL = 0.5  # seconds between batches: what runs longer is written while it runs
CLEAR_INTERVAL = 300.0  # seconds between looks for old attempts
MOST_WAITING = 20_000  # records; when the database falls behind, the oldest are dropped and counted
MOST_AT_ONCE = 500  # records in one transaction
ATTEMPTS = 3  # tries of one batch

Announce = Callable[[str, int, Callable[[], dict[str, Any] | None]], None]


def wall_clock() -> Wall:
    """Loop clock (which is the monotonic clock) to seconds since the epoch, as of now."""
    offset = time.time() - time.monotonic()
    return lambda at: at + offset


class CallLog(Protocol):
    """What the proxy needs of a recorder."""

    def open(self, call_id: str, caller: str, callee: str, source: str, now: float) -> CallRecord: ...

    def changed(self, record: CallRecord) -> None: ...


class Recorder:
    """``open`` and ``changed`` belong to the loop thread and cost a few microseconds; the thread does the rest.

    ``wall`` turns the loop clock into seconds since the epoch; ``capture`` has the messages of the calls, if they are
    kept; ``requests`` what was decided about other requests. ``dropped`` counts records that were never written;
    ``written`` counts writes. ``rules`` may be replaced at any time.
    """

    def __init__(
        self,
        announce: Announce,
        wall: Wall | None = None,
        *,
        using: str = DEFAULT_DB_ALIAS,
        most_waiting: int = MOST_WAITING,
        capture: Capture | None = None,
        requests: RequestLog | None = None,
    ) -> None:
        self._announce = announce
        self.wall = wall or wall_clock()
        self._using = using
        self._most_waiting = most_waiting
        self.capture = capture
        self.requests = requests
        self.rules = RecordingRules()
        self._waiting: deque[CallRecord] = deque()
        self._last_id = 0
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="recorder", daemon=True)
        self.dropped = 0
        self.written = 0

    # In the loop thread

    def open(self, call_id: str, caller: str, callee: str, source: str, now: float) -> CallRecord:
        """A new record. Its id is the time in microseconds: unique over restarts, and exact in a browser."""
        self._last_id = max(self._last_id + 1, int(self.wall(now) * 1_000_000))
        record = CallRecord(self._last_id, call_id, caller, callee, source, now)
        if self.capture is not None:
            record.conversation = self.capture.claim(call_id, record.id)
        return record

    def changed(self, record: CallRecord) -> None:
        """Announce the record as it is now, and have it written with the next batch."""
        self._announce("call", record.id, partial(call_facts, record, self.wall))
        if not record.is_waiting:
            waiting = self._waiting
            if len(waiting) >= self._most_waiting:
                waiting.popleft().is_waiting = False
                self.dropped += 1
            record.is_waiting = True
            waiting.append(record)

    @property
    def waiting(self) -> int:
        """Records that changed and are not yet written."""
        return len(self._waiting)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Write what is waiting and end; blocks until then."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    # In the writer thread

    def _run(self) -> None:
        try:
            self._guarded(lambda: end_what_was_running(self._using))
            clear_at = time.monotonic() + CLEAR_INTERVAL
            is_last = False
            while not is_last:
                is_last = self._stopping.wait(WRITE_INTERVAL)
                self.write_waiting()
                if time.monotonic() >= clear_at:
                    self._guarded(self._clear)
                    clear_at = time.monotonic() + CLEAR_INTERVAL
        finally:
            connections[self._using].close()

    def _clear(self) -> None:
        rules = self.rules
        remove_old(self._using, rules.call_days, rules.call_count)
        remove_old_messages(self._using, rules)
        remove_old_requests(self._using, rules.request_days)
        forget_expired(self._using)

    def write_waiting(self) -> None:
        """Write all that waits now, a batch at a time. Blocking; for the writer thread and for tests."""
        left = len(self._waiting)
        while left > 0:
            batch = self._take(min(left, MOST_AT_ONCE))
            left -= max(1, len(batch))
            if batch:
                self._write(batch)
        if self.capture is not None:
            self._write_messages(self.capture)
        if self.requests is not None and self.requests.waiting:
            # The rest is written next time, and has grown by then: a flood is one row a source.
            entries = self.requests.take(MOST_AT_ONCE)
            self._tried(partial(RequestWriter(connections[self._using], self.wall).write, entries))

    def _write_messages(self, capture: Capture) -> None:
        left = capture.waiting
        while left > 0:
            items = capture.take(MOST_AT_ONCE)
            left -= max(1, len(items))
            writer = MessageWriter(connections[self._using], self.wall)
            if not self._tried(partial(writer.write, items, self.rules)):
                capture.dropped += len(items)

    def _take(self, count: int) -> list[CallRecord]:
        batch = []
        for _ in range(count):
            try:
                record = self._waiting.popleft()
            except IndexError:
                break
            record.is_waiting = False  # before it is read: a change from now on brings it here again
            batch.append(record)
        return batch

    def _write(self, batch: list[CallRecord]) -> None:
        failed = len(batch)

        def write() -> None:
            nonlocal failed
            failed = CallWriter(connections[self._using], self.wall).write(batch)

        self._tried(write)
        self.written += len(batch) - failed
        self.dropped += failed

    def _tried(self, write: Callable[[], object]) -> bool:
        """Whether it could be written, now or a little later."""
        for attempt in range(ATTEMPTS):
            try:
                write()
            except DatabaseError as error:
                logger.warning("Call attempts not written (%s), try %d of %d", error, attempt + 1, ATTEMPTS)
                self._guarded(connections[self._using].close_if_unusable_or_obsolete)
                self._stopping.wait(WRITE_INTERVAL)
            else:
                return True
        return False

    def _guarded(self, work: Callable[[], object]) -> None:
        try:
            work()
        except DatabaseError as error:
            logger.warning("Call attempts not cleared: %s", error)
