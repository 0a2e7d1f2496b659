"""Stored messages: an index in memory, bodies in the database, one thread that writes and reads them.

Like the journal's, a batch is natural: what comes while one is committed is committed together. Everything public
belongs to the loop thread, and ``done`` comes back there.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
from django.db.models import F

from proxy.models import StoredMessage
from proxy.offline.core import Kept
from sip.message.errors import BadMessage
from sip.message.uri import Uri

logger = logging.getLogger("proxy")

Done = Callable[[Exception | None], None]

MOST_IN_ALL = 100_000  # messages: half a gigabyte on disk, 20 MB in memory
MOST_WAITING = 1_000  # for a commit; more than that is a flood, and each gets its refusal at once
MOST_AT_ONCE = 500  # in one transaction, or one DELETE


class Entry(NamedTuple):
    """A stored message in the index. ``expires_at`` in seconds since the epoch; ids are in order of arrival; ``sender``
    is his address-of-record, empty for strangers."""

    id: int
    expires_at: float
    sender: str


class Full(Exception):
    """More than the server takes."""


class MessageStore:
    """``call_in_loop`` is the loop's ``call_soon_threadsafe``; ``wall`` gives the seconds since the epoch, now."""

    def __init__(
        self,
        call_in_loop: Callable[[Callable[[], None]], object],
        wall: Callable[[], float],
        *,
        using: str = DEFAULT_DB_ALIAS,
        executor: Executor | None = None,
    ) -> None:
        self._call_in_loop = call_in_loop
        self._wall = wall
        self._using = using
        self._executor = executor or ThreadPoolExecutor(1, "messages")
        self._by_user: dict[int, list[Entry]] = {}
        self._by_sender: Counter[str] = Counter()
        self._new: list[tuple[StoredMessage, Done]] = []
        self._is_writing = False
        self._last_id = 0
        self.count = 0  # messages in the index

    # In the loop thread

    def kept(self, user_id: int, sender: str) -> Kept:
        """How many wait for a user, those that have expired not counted, and of a sender (empty: of strangers)."""
        now = self._wall()
        waiting = [entry for entry in self._by_user.get(user_id, ()) if entry.expires_at > now]
        return Kept(len(waiting), sum(not entry.sender for entry in waiting), self._by_sender[sender])

    def waiting(self, user_id: int) -> list[Entry]:
        """The messages of a user, oldest first."""
        return list(self._by_user.get(user_id, ()))

    def new_id(self) -> int:
        """The time in microseconds: in order, unique over restarts, and exact in a browser."""
        self._last_id = max(self._last_id + 1, int(self._wall() * 1_000_000))
        return self._last_id

    def submit(self, row: StoredMessage, done: Done) -> None:
        """Store a message with a ``new_id``; ``done(None)`` once it is committed. Full at once when it is too much."""
        if self.count >= MOST_IN_ALL or len(self._new) >= MOST_WAITING:
            done(Full())
            return
        self._add(row)
        self._new.append((row, done))
        if not self._is_writing:
            self._write()

    def _add(self, row: StoredMessage) -> None:
        entry = entry_of(row.id, row.expires_at, row.is_from_stranger, row.sender)
        self._by_user.setdefault(row.user_id, []).append(entry)
        self._by_sender[entry.sender] += 1
        self.count += 1

    def _write(self) -> None:
        batch, self._new = self._new[:MOST_AT_ONCE], self._new[MOST_AT_ONCE:]
        self._is_writing = True
        rows = [row for row, _ in batch]
        self._run(partial(self._insert, rows), partial(self._written, batch))

    def _written(self, batch: list[tuple[StoredMessage, Done]], lost: dict[int, Exception] | Exception) -> None:
        self._is_writing = False
        for row, done in batch:
            error = lost if isinstance(lost, Exception) else lost.get(row.id)
            if error is not None:
                self._forget(row.user_id, row.id)
            elif all(entry.id != row.id for entry in self._by_user.get(row.user_id, ())):
                self._add(row)  # the index was read anew while it was being written
            done(error)
        if self._new and not self._is_writing:
            self._write()

    def fetch(self, user_id: int, message_id: int, done: Callable[[StoredMessage | None], None]) -> None:
        """Read one message; None when it is gone, expired or unreadable at the moment."""

        def read(found: StoredMessage | Exception | None) -> None:
            if found is None:
                self._forget(user_id, message_id)
            done(None if isinstance(found, Exception) else found)

        self._run(partial(self._read, message_id), read)

    def remove(self, user_id: int, message_id: int) -> None:
        """It was delivered, or refused for good."""
        self._forget(user_id, message_id)
        self._run(partial(self._delete, [message_id]), _ignore)

    def note_attempt(self, message_id: int) -> None:
        self._run(partial(self._count_attempt, message_id), _ignore)

    def expire(self) -> None:
        """Delete what nobody fetched in time, MOST_AT_ONCE a call; for every minute or so."""

        def deleted(gone: list[tuple[int, int]] | Exception) -> None:
            for user_id, message_id in () if isinstance(gone, Exception) else gone:
                self._forget(user_id, message_id)

        self._run(partial(self._delete_expired, datetime.fromtimestamp(self._wall(), UTC)), deleted)

    def install(self, user_id: int | None, entries: dict[int, list[Entry]]) -> None:
        """Take over what ``read_index`` found for one user, or for all."""
        for owner in list(self._by_user) if user_id is None else [user_id]:
            self._take_out(self._by_user.pop(owner, ()))
        self._by_user.update(entries)
        for found in entries.values():
            self.count += len(found)
            self._by_sender.update(entry.sender for entry in found)

    def _take_out(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.count -= 1
            self._by_sender[entry.sender] -= 1
            if not self._by_sender[entry.sender]:
                del self._by_sender[entry.sender]

    def _forget(self, user_id: int, message_id: int) -> None:
        entries = self._by_user.get(user_id, [])
        left = [entry for entry in entries if entry.id != message_id]
        self._take_out(entry for entry in entries if entry.id == message_id)
        if left:
            self._by_user[user_id] = left
        else:
            self._by_user.pop(user_id, None)

    def stop(self) -> None:
        """Write what is waiting and end; blocks."""
        while self._new:
            batch, self._new = self._new[:MOST_AT_ONCE], self._new[MOST_AT_ONCE:]
            self._executor.submit(self._insert, [row for row, _ in batch])
        self._executor.submit(connections[self._using].close)
        self._executor.shutdown()

    def _run(self, job: Callable[[], Any], done: Callable[[Any], None]) -> None:
        def finished(future: Future[Any]) -> None:
            error = future.exception()
            self._call_in_loop(partial(done, error if error is not None else future.result()))

        with suppress(RuntimeError):  # the executor has been shut down: the process is ending
            self._executor.submit(self._guarded, job).add_done_callback(finished)

    # In the writer thread

    def _guarded(self, job: Callable[[], Any]) -> Any:
        try:
            return job()
        except DatabaseError as error:
            logger.error("stored messages: %s", error)
            connections[self._using].close()  # one that may be beyond use is opened anew by the next job
            raise

    def _insert(self, rows: list[StoredMessage]) -> dict[int, Exception]:
        """Store rows; gives those that the database did not take, such as one of a user deleted meanwhile."""
        messages = StoredMessage.objects.using(self._using)
        try:
            with transaction.atomic(using=self._using):
                messages.bulk_create(rows)
        except DatabaseError as error:
            if len(rows) == 1:
                raise
            logger.warning("stored messages: %s; trying one by one", error)
            lost: dict[int, Exception] = {}
            for row in rows:
                try:
                    with transaction.atomic(using=self._using):
                        row.save(using=self._using, force_insert=True)
                except DatabaseError as problem:
                    lost[row.id] = problem
            return lost
        return {}

    def _read(self, message_id: int) -> StoredMessage | None:
        now = datetime.fromtimestamp(self._wall(), UTC)
        return StoredMessage.objects.using(self._using).filter(pk=message_id, expires_at__gt=now).first()

    def _delete(self, ids: list[int]) -> None:
        StoredMessage.objects.using(self._using).filter(pk__in=ids).delete()

    def _count_attempt(self, message_id: int) -> None:
        StoredMessage.objects.using(self._using).filter(pk=message_id).update(attempts=F("attempts") + 1)

    def _delete_expired(self, now: datetime) -> list[tuple[int, int]]:
        old = StoredMessage.objects.using(self._using).filter(expires_at__lte=now).order_by("expires_at")
        gone = list(old.values_list("user_id", "id")[:MOST_AT_ONCE])
        if gone:
            self._delete([message_id for _, message_id in gone])
        return gone


def read_index(user_id: int | None = None, using: str = DEFAULT_DB_ALIAS) -> dict[int, list[Entry]]:
    """What is stored, by user, oldest first: of one user, or of all. Blocking."""
    rows: Iterable[tuple[int, int, datetime, bool, str]] = (
        StoredMessage.objects.using(using)
        .filter(**({} if user_id is None else {"user_id": user_id}))
        .order_by("id")
        .values_list("user_id", "id", "expires_at", "is_from_stranger", "sender")
    )
    found: dict[int, list[Entry]] = {}
    for owner, *columns in rows:
        found.setdefault(owner, []).append(entry_of(*columns))
    return found


def entry_of(message_id: int, expires_at: datetime, is_from_stranger: bool, sender: str) -> Entry:
    """The index entry of a row; ``sender`` is its From URI."""
    return Entry(message_id, expires_at.timestamp(), "" if is_from_stranger else sender_key(sender))


def sender_key(uri_text: str) -> str:
    """One name for a sender, however he writes it."""
    try:
        return Uri.parse(uri_text).aor()
    except BadMessage:
        return uri_text  # cut off, as it was too long to keep


def _ignore(result: object) -> None:
    pass
