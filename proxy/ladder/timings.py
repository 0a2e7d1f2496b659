"""The times of a call that people ask for, in words."""

from __future__ import annotations

from typing import Any


def timings(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """(name, value) of what is known. ``facts`` are those of the attempt, times in seconds since the epoch."""
    started, ringing, final = facts.get("started_at"), facts.get("ringing_at"), facts.get("ended_at")
    is_answered = facts.get("state") == "answered"
    found = []
    if started is not None and ringing is not None:
        found.append(("Post-dial delay", span(ringing - started)))
    if ringing is not None and final is not None:
        found.append(("Ring time", span(final - ringing)))
    if started is not None and final is not None:
        found.append(("Set-up" if is_answered else "To the end", span(final - started)))
    if is_answered and final is not None and facts.get("hung_up_at") is not None:
        found.append(("Duration", span(facts["hung_up_at"] - final)))
    return found


def span(seconds: float) -> str:
    """``340 ms``, ``12.3 s``, ``4 m 05 s``, ``2 h 04 m``."""
    if seconds < 1:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} m"
