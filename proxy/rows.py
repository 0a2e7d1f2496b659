"""Call attempts and branches as database rows, written in batches, and removed when they are old."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model
from django.db.models.constants import OnConflict
from django.db.models.sql import InsertQuery

from proxy.events import CallRecord, Wall, shown, steps_facts
from proxy.models import CallAttempt, CallBranch
from proxy.moments import moments

REMOVED_AT_ONCE = 2_000  # so that a large clearance never holds the database for long


class CallWriter:
    """Writes on one connection. The statements come from Django's own compiler, once."""

    def __init__(self, connection: BaseDatabaseWrapper, wall: Wall) -> None:
        self._connection = connection
        self._wall = wall
        self._at = moments(connection)
        moment = datetime.now(UTC)
        # A BYE is noted by itself, perhaps before the attempt is written for the last time.
        told = [field.name for field in CallAttempt._meta.concrete_fields if field.name not in ("id", "hung_up_at")]
        self._attempt_sql = upsert_sql(connection, CallAttempt(id=1, started_at=moment, steps=[]), ("id",), told)
        self._branch_sql = upsert_sql(
            connection,
            CallBranch(attempt_id=1, position=0, started_at=moment),
            ("attempt", "position"),
            ("next_hop", "state", "status", "reason", "ended_at"),
        )

    def write(self, records: Sequence[CallRecord]) -> int:
        """Insert or update in one transaction; the number of records that could not be written."""
        try:
            self._write(records, keep_owner=True)
        except IntegrityError:
            # A user or domain was deleted meanwhile: one by one, without the owner where it is gone.
            return sum(not self._write_alone(record) for record in records)
        return 0

    def _write_alone(self, record: CallRecord) -> bool:
        for keep_owner in (True, False):
            try:
                self._write([record], keep_owner)
            except IntegrityError:
                continue
            return True
        return False

    def _write(self, records: Sequence[CallRecord], keep_owner: bool) -> None:
        attempts = [self._attempt_row(record, keep_owner) for record in records]
        branches = [row for record in records for row in self._branch_rows(record)]
        with transaction.atomic(using=self._connection.alias), self._connection.cursor() as cursor:
            cursor.executemany(self._attempt_sql, attempts)
            if branches:
                cursor.executemany(self._branch_sql, branches)

    def _moment(self, at: float | None) -> Any:
        return None if at is None else self._at(self._wall(at))

    def _attempt_row(self, record: CallRecord, keep_owner: bool) -> tuple[Any, ...]:
        # In the order of the model's fields.
        return (
            record.id,
            shown(record.call_id),
            record.method,
            shown(record.caller),
            shown(record.callee),
            record.source[:80],
            record.domain_id if keep_owner else None,
            record.user_id if keep_owner else None,
            record.decision,
            record.policy,
            record.policy_origin,
            record.state,
            record.status or None,
            shown(record.reason, 200),
            record.explanation,
            json.dumps(steps_facts(record)),
            self._moment(record.started_at),
            self._moment(record.ringing_at),
            self._moment(record.ended_at),
            None,
            record.conversation,
        )

    def _branch_rows(self, record: CallRecord) -> Iterable[tuple[Any, ...]]:
        return [
            (
                record.id,
                branch.position,
                branch.group,
                shown(branch.target.uri.text),
                branch.next_hop[:80],
                shown(branch.target.user_agent),
                branch.target.is_late,
                branch.state.value,
                branch.status,
                shown(branch.reason, 200),
                self._moment(branch.started_at),
                self._moment(branch.ended_at),
            )
            for branch in record.branches
        ]


def upsert_sql(connection: BaseDatabaseWrapper, example: Model, unique: Sequence[str], updated: Sequence[str]) -> str:
    """INSERT of all fields that updates those ``updated`` where ``unique`` is taken."""
    model = type(example)
    fields = [field for field in model._meta.concrete_fields if not field.primary_key or "id" in unique]
    query = InsertQuery(
        model,
        on_conflict=OnConflict.UPDATE,
        update_fields=[field for field in fields if field.name in updated],
        unique_fields=[model._meta.get_field(name) for name in unique],
    )
    query.insert_values(fields, [example])
    [(sql, _)] = query.get_compiler(connection=connection).as_sql()
    return str(sql)


def end_what_was_running(using: str) -> int:
    """Close the attempts that an earlier process left open; it can no longer tell how they ended."""
    text = "The server was restarted during this call attempt"
    left = CallAttempt.objects.using(using).filter(ended_at=None)
    return left.update(state="failed", reason="Server restarted", explanation=text, ended_at=datetime.now(UTC))


def remove_old(using: str, days: int, attempts: int) -> int:
    """Remove attempts that are too old or too many, a part at a time; how many went."""
    rows = CallAttempt.objects.using(using).order_by("started_at", "id")
    surplus = max(0, rows.count() - attempts)
    old = list(rows.values_list("id", flat=True)[: min(surplus, REMOVED_AT_ONCE)])
    if len(old) < REMOVED_AT_ONCE:
        too_old = rows.filter(started_at__lt=datetime.now(UTC) - timedelta(days=days))
        old += list(too_old.values_list("id", flat=True)[: REMOVED_AT_ONCE - len(old)])
    gone = list(dict.fromkeys(old))
    for start in range(0, len(gone), 500):
        part = gone[start : start + 500]
        CallBranch.objects.using(using).filter(attempt_id__in=part).delete()
        CallAttempt.objects.using(using).filter(id__in=part).delete()
    return len(gone)
