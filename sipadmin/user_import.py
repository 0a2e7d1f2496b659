"""Users from a table, all or nothing: checked first, then written in one short transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from proxy.choices import INHERIT
from proxy.models import DeliveryPolicy
from registrar.call_forwarding import FORWARDING
from registrar.models import Alias, Domain, SipUser
from sipadmin.audit.trail import Changes, difference, record_many
from sipadmin.changes import record_change, record_changes
from sipadmin.user_table import MOST_ERRORS, ImportRefused, Progress, Row, RowError, check_rows

Note = Callable[[str, str, Changes], None]

BATCH = 900  # ids in one statement; some builds of SQLite take no more than 999 parameters
HA1_FIELDS = ["ha1_md5", "ha1_sha256", "ha1_sha512_256"]
USER_FIELDS = [
    "display_name", "enabled", "max_contacts", "may_watch", "tags", *FORWARDING, *HA1_FIELDS, "version", "updated_at",
]  # fmt: skip


class ImportCounts(NamedTuple):
    created: int
    updated: int
    unchanged: int


def import_rows(
    domain: Domain,
    rows: Iterable[Mapping[str, str]],
    progress: Progress | None = None,
    *,
    is_dry_run: bool = False,
    most_errors: int = MOST_ERRORS,
    note: Note | None = None,
) -> ImportCounts:
    """Create or change a user for each row (texts by COLUMNS, the first is row 2).

    ImportRefused: nothing changed. A missing column leaves that property as it is, and so does an empty
    password. ``progress`` gets numbers of rows just checked; writing them takes a fraction of that time.
    ``note`` is told of each user what changes: (action, user, {field: [before, after]}), without secrets.
    """
    checked, errors, count = check_rows(domain, rows, progress, most_errors)
    if count:
        raise ImportRefused(errors, count)
    if is_dry_run:
        # Without a transaction: trying fifty thousand users must not keep phones from registering meanwhile.
        return write_rows(domain, checked, note, is_dry_run=True)
    with transaction.atomic():
        return write_rows(domain, checked, note)


def write_rows(
    domain: Domain, rows: Sequence[Row], note: Note | None = None, *, is_dry_run: bool = False
) -> ImportCounts:
    """Insert what is new and update what differs; in the caller's transaction. A dry run only reads and counts."""
    # Those whose names occur: a few changes in a domain of a hundred thousand users must not read them all.
    names = [name for row in rows for name in (row.username, *(row.aliases or ()))]
    known: dict[str, SipUser] = {}
    for known_user in in_parts(SipUser.objects.filter(domain=domain), "username", names):
        known_user.domain = domain
        known[known_user.username] = known_user
    new: list[SipUser] = []
    changed: list[SipUser] = []
    changes: dict[str, Changes] = defaultdict(dict)
    for row in rows:
        user = known.get(row.username)
        values = dict(row.fields)
        has_credentials = any(getattr(row.draft, field) for field in HA1_FIELDS)
        if has_credentials:
            values |= {field: getattr(row.draft, field) for field in HA1_FIELDS}
        before: dict[str, Any] = {}
        if user is None:
            if not has_credentials and domain.auth_register:
                raise ImportRefused([RowError(row.number, "password", "a new user needs one")])
            user = known[row.username] = row.draft
            new.append(user)
        elif any(getattr(user, field) != value for field, value in values.items()):
            user.version += 1
            changed.append(user)
            before = {field: getattr(user, field) for field in values}
        for field, value in values.items():
            setattr(user, field, value)
        if user.pk is None or before:
            changes[row.username] = difference(SipUser, before, values)
    now = timezone.now()
    for user in changed:
        user.updated_at = now
    created = {user.username for user in new}
    if not is_dry_run:
        for batch in batches(new):
            SipUser.objects.bulk_create(batch)
        for batch in batches(changed):
            update_users(batch)
    touched: set[str] = set()
    for parts in (write_policies(known, rows, is_dry_run), write_aliases(domain, known, rows, is_dry_run)):
        touched |= set(parts)
        for name, part in parts.items():
            changes[name] |= part
    saved = {user.username for user in (*new, *changed)}
    noted = [
        (f"user.{'created' if name in created else 'changed'}", f"{name}@{domain.name}", facts)
        for name, facts in changes.items()
    ]
    if not is_dry_run:
        only_parts = [known[name].pk for name in touched - saved]
        for start in range(0, len(only_parts), BATCH):
            part = SipUser.objects.filter(pk__in=only_parts[start : start + BATCH])
            part.update(version=F("version") + 1, updated_at=now)
        record_changes("user", [known[name].pk for name in sorted(saved | touched)])
        if touched:
            record_change("policy")
        record_many(noted)
    if note is not None:
        for one in noted:
            note(*one)
    updated = len((saved | touched) - created)
    return ImportCounts(len(new), updated, len(rows) - len(new) - updated)


def update_users(users: Sequence[SipUser]) -> None:
    """One narrow UPDATE a row: bulk_update would build statements of thousands of CASE branches."""
    quote = connection.ops.quote_name
    table = SipUser._meta.db_table
    # None of these columns is named otherwise than its field.
    changes = ", ".join(f"{quote(name)} = %s" for name in USER_FIELDS)
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {quote(table)} SET {changes} WHERE id = %s",
            [[*(prepared(user, name) for name in USER_FIELDS), user.pk] for user in users],
        )


def prepared(user: SipUser, name: str) -> Any:
    """A column's value as the database wants it."""
    value = getattr(user, name)
    return connection.ops.adapt_datetimefield_value(value) if name == "updated_at" else value


def in_parts(queryset: QuerySet[Any], column: str, values: Iterable[Any]) -> Iterator[Any]:
    """Rows whose ``column`` is one of ``values``, in as many queries as it takes."""
    left = [value for value in dict.fromkeys(values) if value is not None]
    for start in range(0, len(left), BATCH):
        yield from queryset.filter(**{f"{column}__in": left[start : start + BATCH]})


def batches(users: list[SipUser]) -> Iterable[list[SipUser]]:
    return (users[start : start + BATCH] for start in range(0, len(users), BATCH))


def write_policies(known: Mapping[str, SipUser], rows: Sequence[Row], is_dry_run: bool) -> dict[str, Changes]:
    """Delivery policy of the rows with a policy or ring_time column; what changed, by user name."""
    with_policy = [row for row in rows if row.policy]
    if not with_policy:
        return {}
    users = [known[row.username].pk for row in with_policy]  # None: one that is not there yet
    old = {policy.user_id: policy for policy in in_parts(DeliveryPolicy.objects.all(), "user_id", users)}
    saved: list[DeliveryPolicy] = []
    dropped: list[int] = []
    touched: dict[str, Changes] = {}
    for row in with_policy:
        user = known[row.username]
        before = old.get(user.pk) if user.pk else None
        policy = row.policy.get("policy", before.policy if before else INHERIT)
        ring_time = row.policy.get("ring_time", before.ring_time if before else None)
        old_values = (before.policy, before.ring_time) if before else (INHERIT, None)
        if (policy, ring_time) == old_values:
            continue
        pairs = zip(("policy", "ring_time"), old_values, (policy, ring_time), strict=True)
        touched[row.username] = {name: [was, is_now] for name, was, is_now in pairs if was != is_now}
        if (policy, ring_time) == (INHERIT, None):
            dropped.append(user.pk)
        else:
            saved.append(DeliveryPolicy(user=user, policy=policy, ring_time=ring_time))
    if is_dry_run:
        return touched
    for start in range(0, len(dropped), BATCH):
        DeliveryPolicy.objects.filter(user_id__in=dropped[start : start + BATCH]).delete()
    DeliveryPolicy.objects.bulk_create(
        saved,
        BATCH,
        update_conflicts=True,
        unique_fields=["user"],
        update_fields=["policy", "ring_time", "updated_at"],
    )
    return touched


def write_aliases(
    domain: Domain, known: Mapping[str, SipUser], rows: Sequence[Row], is_dry_run: bool
) -> dict[str, Changes]:
    """Replace the aliases of the rows that have the column; what changed, by user name."""
    old: dict[int, set[str]] = {}
    owners: dict[str, int] = {}
    rows_of_domain = Alias.objects.filter(domain=domain)
    names = [name for row in rows for name in (row.username, *(row.aliases or ()))]
    users = [known[row.username].pk for row in rows if row.aliases is not None]
    for alias in (*in_parts(rows_of_domain, "user_id", users), *in_parts(rows_of_domain, "name", names)):
        old.setdefault(alias.user_id, set()).add(alias.name)
        owners[alias.name] = alias.user_id
    saved: list[Alias] = []
    dropped: list[str] = []
    touched: dict[str, Changes] = {}
    with_aliases = [row for row in rows if row.aliases is not None]
    for row in with_aliases:
        before, after = old.get(known[row.username].pk, set()), set(row.aliases or ())
        dropped += before - after
        if before != after:
            touched[row.username] = {"aliases": [sorted(before), sorted(after)]}
    for name in dropped:
        owners.pop(name, None)
    for row in rows:
        if row.username in owners:
            raise ImportRefused([RowError(row.number, "user", f"{row.username} is already an alias")])
        for name in row.aliases or ():
            if name in known:
                raise ImportRefused([RowError(row.number, "aliases", f"{name} is already a user")])
            owner = owners.get(name)
            if owner not in (None, known[row.username].pk):
                raise ImportRefused([RowError(row.number, "aliases", f"{name} belongs to another user")])
            if owner is None:
                saved.append(Alias(domain=domain, name=name, user=known[row.username]))
    if is_dry_run:
        return touched
    for start in range(0, len(dropped), BATCH):
        Alias.objects.filter(domain=domain, name__in=dropped[start : start + BATCH]).delete()
    Alias.objects.bulk_create(saved, BATCH)
    return touched
