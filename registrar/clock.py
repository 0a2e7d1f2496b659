"""Two clocks: the loop's, which never jumps, and the wall's, which the database and people use."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import formatdate


class Clock:
    """Turns seconds of the loop clock into seconds since the epoch and back. Set by its owner, every second or so, so
    that a corrected wall clock is followed and expiry is still measured by the loop clock (R29)."""

    __slots__ = ("_date", "_date_at", "offset")

    def __init__(self, now: float, now_wall: float) -> None:
        self._date = ""
        self._date_at = 0
        self.set(now, now_wall)

    def set(self, now: float, now_wall: float) -> None:
        self.offset = now_wall - now

    def wall(self, at: float) -> float:
        return at + self.offset

    def loop(self, at_wall: float) -> float:
        return at_wall - self.offset

    def moment(self, at: float) -> datetime:
        """An aware datetime, for the models."""
        return datetime.fromtimestamp(at + self.offset, UTC)

    def date(self, at: float) -> str:
        """Date header field value (§20.17), made once a second."""
        second = int(at + self.offset)
        if second != self._date_at:
            self._date, self._date_at = formatdate(second, usegmt=True), second
        return self._date
