"""The rail: eight entries, in the order of the day's work; and the tabs of System."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NamedTuple

from django.urls import NoReverseMatch, reverse


class Entry(NamedTuple):
    """``page`` is what a view names in its context, and the icon; ``short`` fits a phone's bottom bar."""

    page: str
    label: str
    name: str  # of the URL
    short: str = ""
    starts_part: bool = False
    for_administrators: bool = False


RAIL = [
    Entry("overview", "Overview", "overview", "Home"),
    Entry("registrations", "Live registrations", "registrations", "Phones"),
    Entry("calls", "Live calls", "calls", "Calls"),
    Entry("users", "Users", "users", "Users", starts_part=True),
    Entry("domains", "Domains", "domains", "Domains"),
    Entry("routing", "Routing", "routing", "Routing"),
    Entry("security", "Security", "security", "Security", starts_part=True),
    Entry("system", "System", "health", "System"),
]
SYSTEM = [
    Entry("health", "Health", "health"),
    Entry("requests", "Requests", "requests"),
    Entry("recording", "Recording", "recording"),
    Entry("accounts", "Accounts", "accounts", for_administrators=True),
    Entry("tokens", "API tokens", "tokens", for_administrators=True),
    Entry("webhooks", "Webhooks", "webhooks", for_administrators=True),
    Entry("audit", "Audit", "audit", for_administrators=True),
    Entry("settings", "Settings", "settings", for_administrators=True),
    Entry("backup", "Backup", "backup", for_administrators=True),
    Entry("docs", "API docs", "api-docs"),
]


def entries(listed: Iterable[Entry]) -> list[dict[str, Any]]:
    """As the templates want them; a page that is not installed is left out."""
    found = []
    for entry in listed:
        with suppress(NoReverseMatch):
            found.append({**entry._asdict(), "icon": entry.page, "address": reverse(entry.name)})
    return found
