"""Bindings as database rows: read all, write many. Here the loop clock and the wall clock meet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from operator import attrgetter

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.constants import OnConflict
from django.db.models.sql import InsertQuery

from registrar.clock import Clock
from registrar.models import Binding as Row
from sip.location import Binding

_PLAIN = (
    "id",
    "user_id",
    "contact",
    "contact_parameters",
    "q",
    "call_id",
    "cseq",
    "instance_id",
    "reg_id",
    "is_outbound",
    "is_static",
    "transport",
    "received_from",
    "received_on",
    "user_agent",
    "methods",
    "registered_by",
)
_MOMENTS = ("expires_at", "created_at", "refreshed_at")
_COLUMNS = (*_PLAIN, *_MOMENTS, "path")
_AT_ONCE = 500  # ids in one DELETE; some builds of SQLite take no more than 999 parameters


def read_bindings(clock: Clock) -> Iterator[Binding]:
    """The live bindings of enabled users."""
    live = Row.objects.live().filter(user__enabled=True).order_by()
    rows = live.values_list("user__username", "user__domain__name", *_COLUMNS)
    for username, domain, *row in rows.iterator(chunk_size=5000):
        values = dict(zip(_COLUMNS, row, strict=True))
        del values["is_static"]
        for name in _MOMENTS:
            values[name] = clock.loop(values[name].timestamp())
        values["path"] = tuple(values["path"])
        yield Binding(aor=f"sip:{username}@{domain.lower()}", **values)


class RowWriter:
    """Writes bindings on one connection, in the caller's transaction.

    The statement comes from Django's own compiler, once; ``executemany`` then costs a quarter of ``bulk_create``
    (bench/journal_rows.py).
    """

    def __init__(self, connection: BaseDatabaseWrapper, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        fields = {field.attname: field for field in Row._meta.concrete_fields}
        ordered = [fields.pop(name) for name in _COLUMNS]
        if fields:
            raise TypeError(f"Binding has columns that nobody writes: {', '.join(fields)}")
        query = InsertQuery(
            Row,
            on_conflict=OnConflict.UPDATE,
            update_fields=[field for field in ordered if not field.primary_key],
            unique_fields=[Row._meta.pk],
        )
        moment = datetime.now(UTC)
        example = Row(id=1, user_id=1, expires_at=moment, created_at=moment, refreshed_at=moment)
        query.insert_values(ordered, [example])
        [(self._upsert, _)] = query.get_compiler(connection=connection).as_sql()
        self._plain = attrgetter(*_PLAIN)
        self._path = Row._meta.get_field("path")
        self._no_path = self._path.get_db_prep_save([], connection)

    def upsert(self, bindings: Sequence[Binding]) -> None:
        """Insert new rows, overwrite those whose id exists."""
        plain, moment = self._plain, self._clock.moment
        adapt = self._connection.ops.adapt_datetimefield_value
        rows = [
            (
                *plain(binding),
                adapt(moment(binding.expires_at)),
                adapt(moment(binding.created_at)),
                adapt(moment(binding.refreshed_at)),
                self._path_of(binding),
            )
            for binding in bindings
        ]
        with self._connection.cursor() as cursor:
            cursor.executemany(self._upsert, rows)

    def _path_of(self, binding: Binding) -> object:
        if not binding.path:
            return self._no_path
        return self._path.get_db_prep_save(list(binding.path), self._connection)

    def delete(self, ids: Sequence[int]) -> None:
        """Delete rows; ids that are not there do not matter."""
        rows = Row.objects.using(self._connection.alias)
        for start in range(0, len(ids), _AT_ONCE):
            rows.filter(pk__in=ids[start : start + _AT_ONCE]).delete()

    def delete_expired(self, before: datetime, most: int = 1000) -> int:
        """Delete rows that expired before a moment: what a crash or a long stop has left. Gives their number."""
        rows = Row.objects.using(self._connection.alias)
        ids = list(rows.filter(expires_at__lt=before).order_by("expires_at").values_list("pk", flat=True)[:most])
        self.delete(ids)
        return len(ids)
