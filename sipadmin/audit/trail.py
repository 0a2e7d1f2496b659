"""Writes the trail, and follows the models it was told to track.

Saved and deleted rows are seen by signals, in the transaction of the change. Bulk writes send none: they call
``record_many``. What belongs to one subject and one request becomes one entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import models
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save
from django.utils import timezone

from sipadmin.audit.context import Context, current
from sipadmin.models import AuditEntry

KEPT = timedelta(days=400)
REMOVED_AT_ONCE = 5_000
LONGEST_TEXT = 1_000  # characters of a value that are kept
HIDDEN = "(hidden)"  # instead of what nobody may read: passwords and hashes
BOOKKEEPING = frozenset({"id", "version", "created_at", "updated_at", "last_used_at", "last_login"})

Changes = dict[str, list[Any]]


class Tracked(NamedTuple):
    """How one model is followed; see ``track`` and ``track_part``."""

    kind: Callable[[Any], str]
    subject: Callable[[Any], str]
    secrets: Mapping[str, str] = {}
    left_out: frozenset[str] = BOOKKEEPING
    is_part: bool = False
    list_name: str = ""
    list_of: Callable[[Any], list[str]] | None = None


_tracked: dict[type[models.Model], Tracked] = {}


def track(
    model: type[models.Model],
    kind: str,
    subject: Callable[[Any], str] = str,
    *,
    secrets: Mapping[str, str] | None = None,
    left_out: Iterable[str] = (),
) -> None:
    """Follow a model from now on. Call it from an app's ``ready``.

    Entries are ``kind.created``, ``kind.changed`` and ``kind.deleted`` about ``subject(row)``. ``secrets``: columns
    whose values are never written, and the name they go by, such as ``{"ha1_md5": "password"}``. ``left_out``: columns
    that do not matter.
    """
    _follow(model, Tracked(lambda row: kind, subject, secrets or {}, frozenset(left_out) | BOOKKEEPING))


def track_part(
    model: type[models.Model],
    kind: Callable[[Any], str],
    subject: Callable[[Any], str],
    *,
    left_out: Iterable[str] = (),
    list_name: str = "",
    list_of: Callable[[Any], list[str]] | None = None,
) -> None:
    """Follow rows that are a part of something else: what happens to them is a ``changed`` of that.

    Its columns are fields of the subject; with ``list_name`` the rows are one field of it, a list of the texts that
    ``list_of(row)`` gives for all of them.
    """
    _follow(model, Tracked(kind, subject, {}, frozenset(left_out) | BOOKKEEPING, True, list_name, list_of))


def _follow(model: type[models.Model], tracked: Tracked) -> None:
    _tracked[model] = tracked
    uid = f"audit-{model.__name__}"
    pre_save.connect(_remember, sender=model, dispatch_uid=uid)
    post_save.connect(_saved, sender=model, dispatch_uid=uid)
    pre_delete.connect(_remember_deleted, sender=model, dispatch_uid=uid)
    post_delete.connect(_deleted, sender=model, dispatch_uid=uid)


def record(action: str, subject: str, changes: Changes | None = None, context: Context | None = None) -> AuditEntry:
    """One entry, in the caller's transaction. ``action`` as ``user.changed``; ``changes``: {field: [before, after]}.

    What a request does to one subject is merged: the first ``before`` and the last ``after`` of a field count.
    """
    context = context or current()
    kind = action.partition(".")[0]
    changes = changes or {}
    known = context.entries.get((kind, subject))
    entry = AuditEntry.objects.filter(pk=known).first() if known and not action.endswith(".deleted") else None
    if entry is not None and not action.startswith("login."):
        for name, (before, after) in changes.items():
            first = entry.changes[name][0] if name in entry.changes else before
            entry.changes[name] = [first, after]
        entry.save(update_fields=["changes"])
        return entry
    entry = AuditEntry.objects.create(**_columns(context), action=action, subject=subject[:400], changes=changes)
    context.entries[kind, subject] = entry.pk
    return entry


def record_many(rows: Sequence[tuple[str, str, Changes]]) -> None:
    """Entries for a bulk write: (action, subject, changes) each."""
    columns = _columns(current())
    AuditEntry.objects.bulk_create(
        [
            AuditEntry(**columns, action=action, subject=subject[:400], changes=changes)
            for action, subject, changes in rows
        ],
        batch_size=500,
    )


def _columns(context: Context) -> dict[str, Any]:
    return {
        "ts": timezone.now(),
        "actor": context.actor[:200],
        "source": context.source[:64],
        "request_id": context.request_id,
        "reason": context.reason,
    }


def facts_of(row: models.Model) -> dict[str, Any]:
    """A tracked row's columns as the trail shows them, secrets as they are: compare before showing."""
    tracked = _tracked[type(row)]
    return {
        field.name: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if field.name not in tracked.left_out and not field.primary_key
    }


def difference(model: type[models.Model], before: dict[str, Any], after: dict[str, Any]) -> Changes:
    """{field: [before, after]} of what differs; a field that is missing on one side is None there."""
    tracked = _tracked[model]
    changes: Changes = {}
    for name in (*before, *(name for name in after if name not in before)):
        old, new = before.get(name), after.get(name)
        if old == new or (old in (None, "") and new in (None, "")):
            continue
        if name in tracked.secrets:
            changes[tracked.secrets[name]] = [HIDDEN if old else None, HIDDEN if new else None]
        else:
            changes[name] = [_shown(old), _shown(new)]
    return changes


def _shown(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return value[:LONGEST_TEXT]
    if value is None or isinstance(value, bool | int | float | list | dict):
        return value
    return str(value)[:LONGEST_TEXT]


def _remember(sender: type[models.Model], instance: models.Model, **kwargs: Any) -> None:
    """Keep what the database has, until the change is done."""
    before: dict[str, Any] = {}
    if instance.pk is not None and not instance._state.adding:
        row = sender._base_manager.filter(pk=instance.pk).first()
        before = facts_of(row) if row is not None else {}
    instance._audit_before = before  # type: ignore[attr-defined]


def _remember_deleted(sender: type[models.Model], instance: models.Model, origin: Any = None, **kwargs: Any) -> None:
    # What falls with another row is part of that row's end: ten thousand users of a domain, one entry.
    if (origin.model if isinstance(origin, models.QuerySet) else type(origin)) is sender:
        _remember(sender, instance)


def _saved(sender: type[models.Model], instance: models.Model, created: bool, **kwargs: Any) -> None:
    before = instance.__dict__.pop("_audit_before", {})
    # Of a new row only what is not as for every new row.
    usual = {field.name: field.get_default() for field in sender._meta.concrete_fields} if created else {}
    after = {name: value for name, value in facts_of(instance).items() if not created or value != usual[name]}
    _note(instance, "created" if created else "changed", before, after)


def _deleted(sender: type[models.Model], instance: models.Model, **kwargs: Any) -> None:
    before = instance.__dict__.pop("_audit_before", None)
    if before is not None:
        _note(instance, "deleted", before, {})


def _note(row: models.Model, what: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    tracked = _tracked[type(row)]
    changes = difference(type(row), before, after)
    if tracked.list_of is not None:
        changes = {tracked.list_name: _sides(tracked.list_of(row), getattr(row, "name", str(row)), what)}
    if tracked.is_part:
        what = "changed"
    if changes or what != "changed":
        record(f"{tracked.kind(row)}.{what}", tracked.subject(row), changes)


def _sides(now: list[str], text: str, what: str) -> list[list[str]]:
    """[before, after] of a list that one row just joined or left."""
    if what == "deleted":
        return [sorted([*now, text]), now]
    return [[one for one in now if one != text], now]


def forget_old(now: datetime | None = None) -> int:
    """Remove up to REMOVED_AT_ONCE entries older than KEPT; how many went."""
    old = AuditEntry.objects.filter(ts__lt=(now or timezone.now()) - KEPT).order_by("id")
    ids = list(old.values_list("id", flat=True)[:REMOVED_AT_ONCE])
    for start in range(0, len(ids), 500):
        AuditEntry.objects.filter(id__in=ids[start : start + 500]).delete()
    return len(ids)
