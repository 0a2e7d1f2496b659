"""Decisions about single requests as database rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from proxy.events import Wall, shown
from proxy.models import RequestRecord
from proxy.moments import moments
from proxy.request_log import Entry, Told
from proxy.rows import upsert_sql

KEPT_REQUESTS = 50_000  # rows: about 40 MB
REMOVED_AT_ONCE = 5_000  # so that a large clearance never holds the database for long


class RequestWriter:
    """Writes on one connection."""

    def __init__(self, connection: BaseDatabaseWrapper, wall: Wall) -> None:
        self._connection = connection
        self._wall = wall
        self._at = moments(connection)
        moment = datetime.now(UTC)
        example = RequestRecord(id=1, status=1, first_at=moment, last_at=moment)
        told = [field.name for field in RequestRecord._meta.concrete_fields if field.name not in ("id", "first_at")]
        self._sql = upsert_sql(connection, example, ("id",), told)

    def write(self, entries: Sequence[Entry]) -> None:
        """Insert or update in one transaction."""
        rows = [self._row(entry) for entry in entries]
        if rows:
            with transaction.atomic(using=self._connection.alias), self._connection.cursor() as cursor:
                cursor.executemany(self._sql, rows)

    def _row(self, entry: Entry) -> tuple[Any, ...]:
        # In the order of the model's fields.
        last = entry.last
        told = last.tell()
        told = Told(
            shown(told.source, 80), shown(told.sender), shown(told.call_id), shown(told.user_agent), list(told.steps)
        )
        entry.settle(last, told)
        steps = [{"text": shown(step.text), "rule": step.rule, "section": step.section} for step in told.steps]
        return (
            entry.id,
            shown(last.method, 32),
            shown(entry.host, 64),
            told.source,
            told.sender,
            shown(last.target),
            told.call_id,
            told.user_agent,
            last.status,
            shown(last.reason, 200),
            json.dumps(steps),
            entry.count,
            self._at(self._wall(entry.first_at)),
            self._at(self._wall(last.at)),
        )


def remove_old_requests(using: str, days: int, kept: int = KEPT_REQUESTS) -> int:
    """Remove what is too old or too much, a part at a time; how many rows went."""
    rows = RequestRecord.objects.using(using)
    old = list(
        rows.filter(last_at__lt=datetime.now(UTC) - timedelta(days=days)).values_list("id", flat=True)[:REMOVED_AT_ONCE]
    )
    surplus = max(0, rows.count() - len(old) - kept)
    if surplus:
        old += list(rows.order_by("id").values_list("id", flat=True)[: min(surplus + len(old), REMOVED_AT_ONCE)])
    gone = 0
    for start in range(0, len(old), 500):
        gone += rows.filter(id__in=old[start : start + 500]).delete()[0]
    return gone
