"""The settings of the environment in words: what holds now. Nothing secret is in it."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from django.conf import settings

from sipadmin.first_run import listening


class Setting(NamedTuple):
    """``name`` of the environment variable; ``is_given`` whether it, or a flag, decides."""

    title: str
    name: str
    value: str
    is_given: bool


# Attribute of settings.SIPADMIN, in words.
TITLES = {
    "http": "Console and API",
    "sip": "SIP addresses",
    "advertise": "Address told to others",
    "multicast": "Interfaces that join the multicast group",
    "dns": "Name servers",
    "relay_from": "Networks that may reach other domains",
    "trusted": "Networks never limited or banned",
    "rate": "Messages a second from one address",
    "journal": "A registration is answered",
    "operators_act": "Operators may ban addresses and remove contacts",
    "data": "Data folder",
}
UNSET = {"advertise": "the address itself", "dns": "the system's", "multicast": "none", "relay_from": "none",
         "trusted": "none", "rate": "the built-in limit"}  # fmt: skip


def settings_rows() -> list[Setting]:
    own = settings.SIPADMIN
    rows = []
    for attribute, title in TITLES.items():
        if not hasattr(own, attribute):
            continue
        name = f"SIPADMIN_{attribute.upper()}"
        rows.append(Setting(title, name, in_words(attribute, getattr(own, attribute)), bool(os.environ.get(name))))
    rows.append(Setting("Database", "DATABASE_URL", database(), bool(os.environ.get("DATABASE_URL"))))
    return rows


def in_words(attribute: str, value: Any) -> str:
    if attribute == "sip" and not listening.is_fixed():
        # Chosen in the console: this process may have started before that.
        try:
            return ", ".join(map(str, listening.listeners()))
        except listening.EngineUnavailable:
            pass
    if attribute == "journal":
        return "at once; the database follows" if value == "fast" else "when it is stored"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return ", ".join(map(str, value)) or UNSET.get(attribute, "none")
    return str(value) if value is not None else UNSET.get(attribute, "none")


def database() -> str:
    """Without its password."""
    row = settings.DATABASES["default"]
    place = f"{row['HOST']}/{row['NAME']}" if row.get("HOST") else str(row["NAME"])
    return f"{row['ENGINE'].rpartition('.')[2]} {place}"
