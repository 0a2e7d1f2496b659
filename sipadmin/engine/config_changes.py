"""Reads change notices and makes them true in memory, a quarter of a second after the commit at the latest."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress

from django.db import DatabaseError, close_old_connections, connection

from sipadmin.models import ConfigChange

logger = logging.getLogger(__name__)

POLL_INTERVAL = 0.25  # seconds
OVERLAP = 200  # ids looked at again where several write at once: a lower id may be committed after a higher one

USERS_AT_ONCE = 500  # read in one go, and installed without letting the loop turn: about 2 ms

Install = Callable[[], None]
Refresh = Callable[[str, int | None], Install]
RefreshUsers = Callable[[Sequence[int]], Install]


class ConfigChanges:
    """``refresh(kind, object_id)`` reads from the database (in ``executor``); what it returns runs in the loop.

    ``refresh_users`` does so for many users at once.
    """

    def __init__(self, refresh: Refresh, executor: Executor, refresh_users: RefreshUsers | None = None) -> None:
        self._refresh = refresh
        self._refresh_users = refresh_users
        self._executor = executor
        self._last_id = 0
        self._seen: set[int] = set()
        self._poked = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []
        self._task: asyncio.Task[None] | None = None

    def mark(self) -> None:
        """Remember where the notices end (blocking). Call it before loading: what changes meanwhile is read again."""
        rows = ConfigChange.objects.order_by("-id").values_list("id", flat=True)[:OVERLAP]
        self._seen = set(rows)
        self._last_id = max(self._seen, default=0)

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._tell(self._waiting, None)

    async def catch_up(self) -> None:
        """Look now; what was committed before this call is in force when it returns. DatabaseError when unreadable."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._poked.set()
        await waiter

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        has_failed = False
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._poked.wait(), POLL_INTERVAL)
            self._poked.clear()
            waiting, self._waiting = self._waiting, []
            failure: Exception | None = None
            try:
                for install in await loop.run_in_executor(self._executor, self.read):
                    install()
                    await asyncio.sleep(0)  # requests between two parts of a large change
                has_failed = False
            except DatabaseError as error:
                if not has_failed:
                    logger.error("configuration changes cannot be read: %s", error)
                has_failed = True
                failure = error
            except Exception as error:
                logger.exception("a configuration change could not be taken over")
                failure = error
            self._tell(waiting, failure)

    @staticmethod
    def _tell(waiting: list[asyncio.Future[None]], failure: Exception | None) -> None:
        for waiter in waiting:
            if waiter.done():
                continue
            if failure is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(failure)

    def read(self) -> list[Install]:
        """What the notices since the last call change (blocking). A failure forgets nothing: they are read again."""
        close_old_connections()
        # SQLite has one writer at a time, so that ids are committed in order.
        start = self._last_id if connection.vendor == "sqlite" else self._last_id - OVERLAP
        rows = ConfigChange.objects.filter(id__gt=start).order_by("id")
        new = [row for row in rows.values_list("id", "kind", "object_id") if row[0] not in self._seen]
        if not new:
            return []
        subjects = list(dict.fromkeys((kind, object_id) for _, kind, object_id in new))
        if ("all", None) in subjects:
            subjects = [("all", None)]
        users: list[int] = []
        if self._refresh_users is not None:
            users = [object_id for kind, object_id in subjects if kind == "user" and object_id is not None]
            subjects = [subject for subject in subjects if subject[0] != "user" or subject[1] is None]
        installs = [self._refresh(kind, object_id) for kind, object_id in subjects]
        # After the domains they may be new in.
        for start in range(0, len(users), USERS_AT_ONCE):
            assert self._refresh_users is not None
            installs.append(self._refresh_users(users[start : start + USERS_AT_ONCE]))
        self._last_id = max(self._last_id, new[-1][0])
        self._seen |= {row[0] for row in new}
        self._seen = {seen for seen in self._seen if seen > self._last_id - OVERLAP}
        return installs
