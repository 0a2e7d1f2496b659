"""How much of a call's messages is kept, and the rules in force."""

from __future__ import annotations

from typing import NamedTuple

OFF = "off"
HEADERS = "headers"
WITH_BODIES = "all"

LEVELS = [
    (OFF, "Nothing: no ladder, no message text, no duration of calls"),
    (HEADERS, "Start line and header fields"),
    (WITH_BODIES, "Header fields and SDP"),
]


class RecordingRules(NamedTuple):
    """What is kept and for how long; the fields are those of ``RecordingSettings``."""

    level: str = WITH_BODIES
    other_bodies: bool = False
    message_days: int = 7
    message_megabytes: int = 200
    call_days: int = 30
    call_count: int = 200_000
    request_days: int = 14
