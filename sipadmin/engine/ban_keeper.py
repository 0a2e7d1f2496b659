"""Keeps the guard and the table of bans together: reads what people decide, writes what the guard decided."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import DatabaseError, transaction

from sip.defence.bans import RECURRENCE_INTERVAL, Ban
from sip.defence.guard import Guard
from sipadmin.models import ConfigChange
from sipadmin.security.models import Ban as BanRow
from sipadmin.security.models import ban_facts
from sipadmin.security.presence import present

logger = logging.getLogger("security")

KEPT = timedelta(days=400)  # as long as the audit trail
MOST_RECALLED = 10_000

Announce = Callable[[str, int, Callable[[], dict[str, Any] | None]], None]
Install = Callable[[], None]


class BanKeeper:
    """``guard`` is made by whoever wires it, with ``banned`` as its ``on_ban``. ``executor`` has one thread."""

    def __init__(self, executor: Executor, announce: Announce, call_soon: Callable[..., object]) -> None:
        self._executor = executor
        self._announce = announce
        self._call_soon = call_soon  # in the loop thread, from any
        self._unwritten: dict[str, Ban] = {}
        self.guard: Guard | None = None

    # Reading: in the executor's thread

    def load(self, now_wall: float) -> None:
        """Bans in force, and those of the last days; for the start, before anybody asks."""
        since = datetime.fromtimestamp(now_wall - RECURRENCE_INTERVAL, UTC)
        past = BanRow.objects.filter(made_by="", lifted_at=None, created_at__gt=since).order_by("-created_at")
        rows = list(past.values_list("source", "created_at")[:MOST_RECALLED])
        assert self.guard is not None
        self.guard.recall((source, at.timestamp()) for source, at in reversed(rows))
        self.read(now_wall)()

    def read(self, now_wall: float) -> Install:
        """What is in force now; the result makes it true, in the loop thread."""
        bans = [Ban(**ban_facts(row)) for row in BanRow.objects.in_force(datetime.fromtimestamp(now_wall, UTC))]
        people = present()

        def install() -> None:
            assert self.guard is not None
            for ban in self.guard.install([*bans, *self._unwritten.values()], people, now_wall):
                self._tell("ban.removed", ban, "The ban was lifted")

        return install

    # Deciding: in the loop thread

    def banned(self, ban: Ban) -> None:
        """The guard has banned somebody: that holds already, and is written down now."""
        logger.warning("Banned %s: %s", ban.source, ban.reason)
        self._unwritten[ban.source] = ban
        self._tell("ban.created", ban, ban.reason)
        self._executor.submit(self._write, ban)

    def sweep(self, now_wall: float) -> None:
        """Let those go whose time is over."""
        assert self.guard is not None
        for ban in self.guard.take_expired(now_wall):
            self._tell("ban.removed", ban, "The ban is over")

    def _tell(self, type: str, ban: Ban, reason: str) -> None:
        data = {"source": ban.source, "reason": reason, "expires_at": ban.expires_at, "made_by": ban.made_by}
        facts = {"type": type, "subject": ban.source, "data": data}
        self._announce("event", id(ban), lambda: facts)

    # Writing: in the executor's thread

    def _write(self, ban: Ban) -> None:
        try:
            with transaction.atomic():
                BanRow.objects.bulk_create([_row(ban)])  # no signals: the engine need not be told by itself
                ConfigChange.objects.create(kind="ban")
        except DatabaseError as error:
            logger.error("the ban of %s is not stored, and ends with this process: %s", ban.source, error)
            return
        self._call_soon(self._unwritten.pop, ban.source, None)


def _row(ban: Ban) -> BanRow:
    expires_at = None if ban.expires_at is None else datetime.fromtimestamp(ban.expires_at, UTC)
    return BanRow(
        source=ban.source,
        reason=ban.reason[:300],
        evidence=list(ban.evidence),
        score=ban.score,
        created_at=datetime.fromtimestamp(ban.created_at, UTC),
        expires_at=expires_at,
    )


def forget_old_bans(now: datetime) -> None:
    """Remove those that were over long ago."""
    BanRow.objects.filter(created_at__lt=now - KEPT).exclude(pk__in=BanRow.objects.in_force(now).values("pk")).delete()
