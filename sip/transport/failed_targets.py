"""Targets of names that failed lately, to be tried last (RFC 3263 §4.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sip.message.messages import Response
from sip.transport.selection import NextHop

if TYPE_CHECKING:
    from sip.transaction.client import ClientTransaction
    from sip.transaction.users import ClientUser

FAILED_INTERVAL = 60.0  # seconds a target is tried last
MAX_RETRY_AFTER = 600.0  # seconds of Retry-After that are believed (§21.5.4)
MAX_FAILED = 1_024  # remembered, the oldest goes first; strangers choose the names that fail

Place = tuple[str, str, int]


class FailedTargets:
    """Which targets not to try first. Pure: the caller says what time it is."""

    def __init__(self) -> None:
        self._until: dict[Place, float] = {}

    def __len__(self) -> int:
        return len(self._until)

    def failed(self, hop: NextHop, now: float, interval: float = FAILED_INTERVAL) -> None:
        place = hop[:3]
        self._until.pop(place, None)
        if len(self._until) >= MAX_FAILED:
            self._until = {kept: until for kept, until in self._until.items() if until > now}
        if len(self._until) >= MAX_FAILED:
            del self._until[next(iter(self._until))]  # the oldest
        self._until[place] = now + interval

    def succeeded(self, hop: NextHop) -> None:
        self._until.pop(hop[:3], None)

    def has_failed(self, hop: NextHop, now: float) -> bool:
        """Whether it failed lately and has not succeeded since."""
        return self._until.get(hop[:3], now) > now

    def last(self, hops: list[NextHop], now: float) -> list[NextHop]:
        """The hops in their order, but with those that failed at the end."""
        if not self._until:
            return hops
        return sorted(hops, key=lambda hop: self.has_failed(hop, now))


class Observed:
    """A client user, seen through: what comes of its transaction tells whether the target works.

    ``hop`` is what was asked for; the transaction may have gone by another protocol (§18.1.1).
    """

    __slots__ = ("_failed", "_hop", "_is_alive", "_user")

    def __init__(self, failed: FailedTargets, hop: NextHop, user: ClientUser | None) -> None:
        self._failed = failed
        self._hop = hop
        self._user = user
        self._is_alive = False

    def response_received(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        if response.status == 503:
            self._failed.failed(self._hop, now, _retry_after(response))
        elif not self._is_alive:
            self._is_alive = True
            self._failed.succeeded(self._hop)
        if self._user is not None:
            self._user.response_received(transaction, response, now)

    def failed(self, transaction: ClientTransaction, status: int, now: float) -> None:
        """Timer B or F, or the transport (§18.4). Silence after a provisional response is not the target's."""
        if not self._is_alive:
            self._failed.failed(self._hop, now)
        if self._user is not None:
            self._user.failed(transaction, status, now)


def _retry_after(response: Response) -> float:
    digits = (response.first("retry-after") or "").split(";")[0].split("(")[0].strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        return FAILED_INTERVAL
    return min(float(digits), MAX_RETRY_AFTER)
