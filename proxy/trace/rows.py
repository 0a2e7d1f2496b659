"""Caught messages as database rows: masked, written in batches, and removed when they are old or too many."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Count, Sum
from django.db.models.sql import InsertQuery

from proxy.events import Wall
from proxy.models import CallAttempt, CallMessage, RecordingSettings
from proxy.moments import moments
from proxy.trace.capture import CaughtMessage, HangUp
from proxy.trace.levels import WITH_BODIES, RecordingRules
from proxy.trace.masking import SDP, kept_message
from sip.transport.flow import host_and_port

ROW_BYTES = 250  # what a row and its index entry take besides the text
REMOVED_AT_ONCE = 5_000  # rows; so that a clearance never holds the database for long
MEGABYTE = 1024 * 1024

_CSEQ = re.compile(r"^cseq[ \t]*:\s*\d+\s+([^\s]{1,32})", re.IGNORECASE | re.MULTILINE)
_CONTENT_TYPE = re.compile(rb"\r\n(?:content-type|c)[ \t]*:[ \t]*([^;\s]{1,100})", re.IGNORECASE)


class MessageWriter:
    """Writes on one connection."""

    def __init__(self, connection: BaseDatabaseWrapper, wall: Wall) -> None:
        self._connection = connection
        self._wall = wall
        self._at = moments(connection)
        fields = [field for field in CallMessage._meta.concrete_fields if not field.primary_key]
        query = InsertQuery(CallMessage)
        example = CallMessage(conversation=1, sequence=1, at=datetime.now(UTC), is_received=True, size=1)
        query.insert_values(fields, [example])
        [(sql, _)] = query.get_compiler(connection=connection).as_sql()
        self._sql = str(sql)

    def write(self, items: Sequence[CaughtMessage | HangUp], rules: RecordingRules) -> None:
        """Insert in one transaction."""
        rows = [self.row(item, rules) for item in items if isinstance(item, CaughtMessage)]
        with transaction.atomic(using=self._connection.alias):
            if rows:
                with self._connection.cursor() as cursor:
                    cursor.executemany(self._sql, rows)
            for item in items:
                if isinstance(item, HangUp):
                    attempts = CallAttempt.objects.using(self._connection.alias)
                    attempts.filter(conversation=item.call, hung_up_at=None, status__lt=300).update(
                        hung_up_at=datetime.fromtimestamp(self._wall(item.at), UTC)
                    )

    def row(self, message: CaughtMessage, rules: RecordingRules) -> tuple[Any, ...]:
        """Values in the order of the model's fields."""
        found = _CONTENT_TYPE.search(message.data)
        content_type = found[1].decode("ascii", "replace").lower() if found else ""
        with_sdp = rules.level == WITH_BODIES
        kept = kept_message(
            message.data, content_type, with_sdp=with_sdp, with_other_bodies=with_sdp and rules.other_bodies
        )
        first_line = kept.text.partition("\r\n")[0].strip()
        cseq = _CSEQ.search(kept.text)
        status = first_line[8:11] if first_line[:8].upper() == "SIP/2.0 " else ""
        return (
            message.call,
            message.sequence,
            self._at(self._wall(message.at)),
            message.is_received,
            message.protocol,
            host_and_port(*message.local)[:80],
            host_and_port(*message.remote)[:80],
            message.is_repeated,
            first_line[:400],
            cseq[1] if cseq else first_line.partition(" ")[0][:32],
            int(status) if status.isdigit() else None,
            content_type == SDP,
            kept.has_body,
            message.size,
            kept.text,
        )


def load_rules(using: str = "default") -> RecordingRules:
    """The rules in force. Blocking."""
    row = RecordingSettings.objects.using(using).order_by("pk").values(*RecordingRules._fields).first()
    return RecordingRules(**row) if row else RecordingRules()


def stored(using: str = "default") -> dict[str, int]:
    """{"messages", "bytes", "calls"}: what the messages take now, and of how many calls they are."""
    found = CallMessage.objects.using(using).aggregate(
        messages=Count("pk"), size=Sum("size"), calls=Count("conversation", distinct=True)
    )
    return {
        "messages": found["messages"],
        "bytes": (found["size"] or 0) + ROW_BYTES * found["messages"],
        "calls": found["calls"],
    }


def remove_old_messages(using: str, rules: RecordingRules) -> int:
    """Remove messages that are too old or too many, a part at a time; how many rows went."""
    rows = CallMessage.objects.using(using)
    # The id of a call is the time of its start in microseconds.
    cut = int((datetime.now(UTC) - timedelta(days=rules.message_days)).timestamp() * 1_000_000)
    surplus = stored(using)["bytes"] - rules.message_megabytes * MEGABYTE
    if surplus > 0:
        calls = rows.values("conversation").annotate(size=Sum("size"), count=Count("pk")).order_by("conversation")
        for call in calls[:REMOVED_AT_ONCE]:
            cut = max(cut, call["conversation"] + 1)
            surplus -= call["size"] + ROW_BYTES * call["count"]
            if surplus <= 0:
                break
    old = list(rows.filter(conversation__lt=cut).values_list("pk", flat=True)[:REMOVED_AT_ONCE])
    gone = 0
    for start in range(0, len(old), 500):
        gone += rows.filter(pk__in=old[start : start + 500]).delete()[0]
    return gone
