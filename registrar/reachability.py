"""Which contacts answer: learned from calls, probes, registrations and connections that end. Pure."""

from __future__ import annotations

from typing import Any


class Reach:
    """What is known of one binding. ``round_trip`` in seconds, of the last probe; ``status`` of the last answer.

    ``failures`` in a row since anything came from there; ``reason`` says what the last one was.
    """

    __slots__ = ("answered_at", "failed_at", "failures", "reason", "round_trip", "status")

    def __init__(self) -> None:
        self.answered_at: float | None = None
        self.failed_at: float | None = None
        self.failures = 0
        self.reason = ""
        self.round_trip: float | None = None
        self.status = 0

    @property
    def is_reachable(self) -> bool:
        return self.failures == 0

    def facts(self, wall_offset: float = 0.0) -> dict[str, Any]:
        """JSON-able, times as seconds since the epoch when ``wall_offset`` leads from the loop clock there."""
        return {
            "reachable": self.is_reachable,
            "round_trip": self.round_trip,
            "last_answer": self.status or None,
            "answered_at": None if self.answered_at is None else self.answered_at + wall_offset,
            "failed_at": None if self.failed_at is None else self.failed_at + wall_offset,
            "failures": self.failures,
            "reason": self.reason,
        }


class Reachability:
    """By binding id, for bindings of which something is known: ``forget`` what is gone."""

    def __init__(self) -> None:
        self._known: dict[int, Reach] = {}

    def __len__(self) -> int:
        return len(self._known)

    def of(self, binding_id: int) -> Reach | None:
        return self._known.get(binding_id)

    def is_unreachable(self, binding_id: int) -> bool:
        """Whether the last that is known of a binding is a failure; what is not known may well be reachable."""
        reach = self._known.get(binding_id)
        return reach is not None and reach.failures > 0

    def answered(self, binding_id: int, now: float, status: int = 0, round_trip: float | None = None) -> bool:
        """Something came from there; True when that is news. ``status`` 0: no response, but a request of the phone."""
        reach = self._known.get(binding_id)
        if reach is None:
            reach = self._known[binding_id] = Reach()
        is_news = reach.failures > 0
        reach.failures, reach.reason = 0, ""
        reach.answered_at = now
        if status:
            reach.status = status
        if round_trip is not None:
            reach.round_trip = round_trip
        return is_news

    def failed(self, binding_id: int, now: float, reason: str) -> bool:
        """Nothing came back, or the way is gone; True when that is news."""
        reach = self._known.get(binding_id)
        if reach is None:
            reach = self._known[binding_id] = Reach()
        reach.failures += 1
        reach.failed_at = now
        reach.reason = reason
        return reach.failures == 1

    def forget(self, binding_id: int) -> None:
        self._known.pop(binding_id, None)
