"""Users as a table that can be imported again, and opened in a spreadsheet without running anything."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from django.db.models import QuerySet

from proxy.choices import INHERIT
from proxy.models import DeliveryPolicy
from registrar.call_forwarding import FORWARDING
from registrar.models import Alias, SipUser
from registrar.tags import tags_of
from sipadmin.user_table import COLUMNS, to_cell

SECRET_COLUMNS = ("ha1_md5", "ha1_sha256")
CHUNK = 500  # users read at a time: a hundred thousand need no more memory than these


def export_rows(users: QuerySet[SipUser], *, with_secrets: bool = False) -> Iterator[str]:
    """Lines of a CSV file, header first. Without HA1 values it can be imported over the same users, who keep theirs."""
    hidden = {"password"} if with_secrets else {"password", *SECRET_COLUMNS}
    columns = [column for column in COLUMNS if column not in hidden]
    yield line(columns)
    last = 0
    while part := list(users.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        last = part[-1].pk
        policies = {row.user_id: row for row in DeliveryPolicy.objects.filter(user__in=part)}
        aliases: dict[int, list[str]] = {}
        for user_id, name in Alias.objects.filter(user__in=part).order_by("name").values_list("user_id", "name"):
            aliases.setdefault(user_id, []).append(name)
        for user in part:
            cells = cells_of(user, policies.get(user.pk), aliases.get(user.pk, []))
            yield line([to_cell(cells[column]) for column in columns])


def cells_of(user: SipUser, policy: DeliveryPolicy | None, aliases: list[str]) -> dict[str, str]:
    """Texts by column, as user_table reads them."""
    cells = {
        "user": user.username,
        "policy": policy.policy if policy else INHERIT,
        "display_name": user.display_name,
        "ring_time": str(policy.ring_time) if policy and policy.ring_time else "",
        "enabled": "on" if user.enabled else "off",
        "max_contacts": str(user.max_contacts or ""),
        "aliases": " ".join(aliases),
        "ha1_md5": user.ha1_md5,
        "ha1_sha256": user.ha1_sha256,
        "may_watch": "on" if user.may_watch else "off",
        "tags": " ".join(tags_of(user.tags)),
    }
    for name in FORWARDING:
        value = getattr(user, name)
        cells[name] = value if isinstance(value, str) else ("on" if value else "off")
    return cells


def line(cells: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()
