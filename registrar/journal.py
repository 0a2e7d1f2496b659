"""Group commit: bindings go to the database in one writer thread, many REGISTERs in one transaction.

The batch is natural: while one is committed the next one gathers, so a lone REGISTER waits for nobody and a thousand
share one commit. Changes are written in the order they were decided in.

With SQLite in WAL and ``synchronous=NORMAL`` a commit survives the death of the process, not a loss of power.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from threading import Event, Thread
from time import monotonic
from typing import Literal

from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, OperationalError, connections, transaction

from registrar.clock import Clock
from registrar.rows import RowWriter
from sip.location import Binding, BindingChanges

logger = logging.getLogger("registrar")

Done = Callable[[Exception | None], None]
Policy = Literal["durable", "fast"]

MOST_AT_ONCE = 1000  # REGISTERs in one transaction: beyond that a longer transaction gains nothing
MOST_WAITING = 50_000  # about 10 s of what a disk takes: past that the answer comes too late anyway
GATHER_INTERVAL = 0.05  # seconds that ``fast`` lets changes gather
_OUT_OF_ORDER = (OperationalError, InterfaceError)  # the database itself, not one row: locked, full, gone
LEFT_OVER = timedelta(minutes=1)  # rows expired that long ago are nobody's any more


class _Entry:
    """Changes and who waits for them."""

    __slots__ = ("changes", "done", "error", "submitted_at")

    def __init__(self, changes: BindingChanges, done: Done) -> None:
        self.changes = changes
        self.done = done
        self.submitted_at = monotonic()
        self.error: Exception | None = None


class DecidedOnFailed(Exception):
    """The change rests on an earlier one that could not be stored."""


class Journal:
    """``submit`` from the loop thread; ``done`` comes back in the loop thread, in the order of submission.

    ``durable``: done(None) after the commit. ``fast``: done(None) at once, written within 50 ms.
    done(error): nothing of these changes was stored, nor of later ones of the same generation of the same
    address-of-record, because they were decided on top of them; each gets its own done(error).
    ``call_in_loop`` is the loop's ``call_soon_threadsafe``.
    """

    def __init__(
        self,
        clock: Clock,
        call_in_loop: Callable[[Callable[[], None]], object],
        *,
        policy: Policy = "durable",
        using: str = DEFAULT_DB_ALIAS,
    ) -> None:
        self._clock = clock
        self._call_in_loop = call_in_loop
        self._policy = policy
        self._using = using
        self._queue: SimpleQueue[_Entry | Callable[[], None] | None] = SimpleQueue()  # None: the end
        self._finished: deque[_Entry] = deque()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="journal", daemon=True)
        self._failed: dict[str, int] = {}  # the writer's: address-of-record -> generation of what failed
        self._rows: RowWriter | None = None  # the writer's, with the connection of its thread
        self.waiting = 0  # changes submitted and not yet reported
        self.commits = 0
        self.stored = 0  # changes in those commits: how many one gathers
        self.lag = 0.0  # seconds that the oldest change of the last commit had waited
        self.failures = 0

    @property
    def is_full(self) -> bool:
        """Whether so much is waiting that nothing more should be decided."""
        return self.waiting >= MOST_WAITING

    def start(self) -> None:
        self._thread.start()

    def submit(self, changes: BindingChanges, done: Done) -> None:
        """Store changes that the location has applied."""
        self.waiting += 1
        if self._policy == "fast":
            self._queue.put(_Entry(changes, _log_failure))
            done(None)
        else:
            self._queue.put(_Entry(changes, done))

    def delete(self, bindings: Iterable[Binding]) -> None:
        """Delete rows nobody waits for: of expired bindings, or of a user who is gone."""
        self.waiting += 1
        self._queue.put(_Entry(BindingChanges("", removed=list(bindings)), _log_failure))

    def delete_left_overs(self) -> None:
        """Delete rows whose expiry nobody saw, such as before a start; a thousand each call."""
        self._queue.put(self._delete_left_overs)

    def stop(self) -> None:
        """Write what is waiting, report it and end; blocks until the thread has ended."""
        self._stopping.set()
        self._queue.put(None)
        if self._thread.ident is not None:
            self._thread.join()
        self._report()

    # In the loop thread

    def _report(self) -> None:
        failed = {}
        while self._finished:
            entry = self._finished.popleft()
            self.waiting -= 1
            if entry.error is not None:
                failed[entry.changes.aor] = entry.changes.generation
            try:
                entry.done(entry.error)
            except Exception:
                logger.exception("A REGISTER could not be finished after its commit")
        if failed:
            # From here on nothing is decided on what failed, so the writer need not look out for it any longer.
            self._queue.put(lambda: self._forget(failed))

    # In the writer thread

    def _run(self) -> None:
        try:
            following: Callable[[], None] | None = self._nothing
            while following is not None:
                batch, following = self._next_batch()
                if batch:
                    self._write(batch)
                    self._finished.extend(batch)
                    self._call_in_loop(self._report)
                if following is not None:
                    following()
        finally:
            self._disconnect()

    def _nothing(self) -> None:
        pass

    def _next_batch(self) -> tuple[list[_Entry], Callable[[], None] | None]:
        """What came during the last commit, waiting when nothing did; and what is to be done after it, None to end."""
        batch: list[_Entry] = []
        item = self._queue.get()
        if self._policy == "fast":
            self._stopping.wait(GATHER_INTERVAL)
        while isinstance(item, _Entry):
            batch.append(item)
            if len(batch) >= MOST_AT_ONCE:
                return batch, self._nothing
            try:
                item = self._queue.get_nowait()
            except Empty:
                return batch, self._nothing
        return batch, item

    def _write(self, batch: list[_Entry]) -> None:
        """Store a batch and note in each entry whether that failed."""
        entries = batch
        if self._failed:
            entries = [entry for entry in batch if not self._is_doomed(entry)]
        try:
            self._commit(entries)
        except _OUT_OF_ORDER as error:
            self._give_up(entries, error)
        except Exception as error:  # one row that the database does not take, such as one of a user deleted meanwhile
            if len(entries) == 1:
                self._give_up(entries, error)
                return
            for position, entry in enumerate(entries):
                self._write([entry])
                if isinstance(entry.error, _OUT_OF_ORDER):  # do not wait for the same time-out a thousand times
                    self._give_up(entries[position + 1 :], entry.error)
                    return

    def _give_up(self, entries: list[_Entry], error: Exception) -> None:
        logger.error("The database did not take %d binding changes: %s", len(entries), error)
        self.failures += len(entries)
        for entry in entries:
            entry.error = error
            if self._policy == "durable" and entry.changes.generation:
                self._failed[entry.changes.aor] = entry.changes.generation
        self._disconnect()

    def _is_doomed(self, entry: _Entry) -> bool:
        changes = entry.changes
        if not changes.generation or self._failed.get(changes.aor) != changes.generation:
            return False
        entry.error = DecidedOnFailed(changes.aor)
        return True

    def _forget(self, failed: dict[str, int]) -> None:
        for aor, generation in failed.items():
            if self._failed.get(aor) == generation:
                del self._failed[aor]

    def _commit(self, entries: list[_Entry]) -> None:
        if not entries:
            return
        last: dict[int, Binding | None] = {}  # a row that changed twice is written once
        for entry in entries:
            changes = entry.changes
            for binding in changes.added:
                last[binding.id] = binding
            for binding in changes.updated:
                last[binding.id] = binding
            for binding in changes.removed:
                last[binding.id] = None
        kept = [binding for binding in last.values() if binding is not None]
        writer = self._writer()
        with transaction.atomic(using=self._using):
            if len(kept) < len(last):
                writer.delete([binding_id for binding_id, binding in last.items() if binding is None])
            if kept:
                writer.upsert(kept)
        self.commits += 1
        self.stored += len(entries)
        self.lag = monotonic() - entries[0].submitted_at

    def _writer(self) -> RowWriter:
        if self._rows is None:
            self._rows = RowWriter(connections[self._using], self._clock)
        return self._rows

    def _delete_left_overs(self) -> None:
        try:
            with transaction.atomic(using=self._using):
                self._writer().delete_expired(datetime.now(UTC) - LEFT_OVER)
        except Exception as error:
            logger.error("Expired bindings could not be deleted: %s", error)
            self._disconnect()

    def _disconnect(self) -> None:
        # A connection that may be beyond use is opened anew by the next batch.
        with suppress(DatabaseError):
            connections[self._using].close()


def _log_failure(error: Exception | None) -> None:
    if error is not None:
        logger.error("A change of bindings is in memory only: %s", error)
