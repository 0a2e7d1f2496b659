"""The state of the two processes and the database, as sentences with a verdict."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.db import DatabaseError, connection

from sipadmin import bus
from sipadmin.bus import EngineUnavailable

MOST_LAG = 0.5  # seconds that the engine's loop may be late before phones notice
MOST_WAITING = 1000  # rows that may wait for the database before something is wrong with it
EXPIRES_SOON = 14 * 86_400.0  # seconds before the end of a certificate when somebody should know
LEAST_SPACE = 500 * 1024 * 1024  # bytes free on the disk of the data folder


class Check(NamedTuple):
    """``state``: answered (well), ringing (look at it) or failed, as the classes of states are called."""

    name: str
    state: str
    text: str


def engine_facts() -> dict[str, Any]:
    """What the engine says of itself; empty with ``error`` when it does not answer."""
    try:
        return bus.engine_command("ping", timeout=1.0)
    except EngineUnavailable as error:
        return {"error": str(error)}


def certificates() -> list[dict[str, Any]]:
    """The certificates of the TLS and secure WebSocket listeners; empty with none, or while the engine is down."""
    try:
        found: list[dict[str, Any]] = bus.engine_command("certificates", timeout=1.0).get("certificates", [])
    except EngineUnavailable:
        return []
    return found


def checks(facts: Mapping[str, Any], shown: Sequence[Mapping[str, Any]] = ()) -> list[Check]:
    """``shown`` are the certificates."""
    now = time.time()
    found = [certificate_check(one, now) for one in shown]
    return [*engine_checks(facts), *found, database_check(), disk_check()]


def certificate_check(one: Mapping[str, Any], now: float) -> Check:
    left = float(one["until"]) - now
    until = datetime.fromtimestamp(float(one["until"]), UTC).date()
    whose = "of its own" if one["is_self_signed"] else "of an authority"
    text = f"{', '.join(one['names']) or one['file']}, {whose}, until {until}."
    if left <= 0:
        return Check("Certificate", "failed", f"{text} Phones refuse it: put a new one in its place.")
    return Check("Certificate", "ringing" if left < EXPIRES_SOON else "answered", text)


def engine_checks(facts: Mapping[str, Any]) -> list[Check]:
    if "error" in facts:
        return [
            Check(
                "SIP engine", "failed", f"{facts['error']} The supervisor starts it again; its log is var/log/sip.log."
            )
        ]
    lag, found = float(facts.get("lag", 0.0)), []
    found.append(Check("SIP engine", "answered", f"Running, version {facts.get('version', '')}."))
    late = lag > MOST_LAG
    found.append(
        Check(
            "Event loop",
            "ringing" if late else "answered",
            f"{lag * 1000:.0f} ms late{': the machine is busy' if late else ''}.",
        )
    )
    for name, title in (("journal", "Registration journal"), ("recorder", "Call recorder")):
        part = facts.get(name)
        if isinstance(part, Mapping):
            found.append(backlog_check(title, part))
    return found


def backlog_check(title: str, part: Mapping[str, Any]) -> Check:
    waiting = int(part.get("waiting", 0))
    lost = int(part.get("failures", 0)) + int(part.get("dropped", 0))
    text = f"{waiting} waiting to be written"
    if lost:
        return Check(title, "ringing", f"{text}; {lost} were not written since the start. Is the disk slow or full?")
    return Check(title, "ringing" if waiting > MOST_WAITING else "answered", f"{text}, none lost.")


def database_check() -> Check:
    name = str(connection.settings_dict["NAME"])
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return Check("Database", "failed", f"{connection.vendor} does not answer: {error}")
    size = (
        f", {Path(name).stat().st_size / 1e6:.1f} MB" if connection.vendor == "sqlite" and Path(name).exists() else ""
    )
    return Check("Database", "answered", f"{connection.vendor}{size}.")


def disk_check() -> Check:
    folder = Path(settings.DATA_DIR)
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Check("Disk", "failed", f"{folder} cannot be read: {error.strerror}")
    state = "answered" if free >= LEAST_SPACE else "ringing"
    return Check("Disk", state, f"{free / 1e9:.1f} GB free for the data folder.")


def counters(facts: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, int]]]]:
    """Groups of counters since the engine's start: (group, [(name, number)])."""
    groups = (
        ("Connections", "connections"),
        ("Received", "received"),
        ("Registrar", "registrar"),
        ("Proxy", "proxy"),
        ("Security", "security"),
        ("In memory", "counts"),
    )
    found = []
    for title, key in groups:
        numbers = facts.get(key)
        if isinstance(numbers, Mapping) and numbers:
            found.append((title, sorted((str(name).replace("_", " "), number) for name, number in numbers.items())))
    return found
