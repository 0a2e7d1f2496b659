"""The bans in force, asked for every datagram."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sip.defence.sources import SourceSet, parse_source, source_text

FIRST_BAN = 3_600.0  # seconds
LONGEST_BAN = 86_400.0  # seconds: addresses change hands, so that none is banned for ever by itself
RECURRENCE_INTERVAL = 7 * 86_400.0  # seconds during which an earlier ban doubles the next one


class Ban(NamedTuple):
    """``source`` is an address or a network; times are seconds since the epoch, ``expires_at`` None: until undone.

    ``reason`` is a sentence, ``evidence`` what led to it as Evidence.facts, ``made_by`` a person or "" for the server.
    """

    source: str
    created_at: float
    expires_at: float | None
    reason: str
    score: float = 0.0
    evidence: Sequence[dict[str, Any]] = ()
    made_by: str = ""

    def is_over(self, now: float) -> bool:
        return self.expires_at is not None and self.expires_at <= now


def ban_interval(earlier: int) -> float:
    """Seconds, doubled for each earlier ban of the same source."""
    return min(FIRST_BAN * 2.0 ** min(earlier, 10), LONGEST_BAN)


class BanList:
    """``in`` tells whether a source is banned: one look-up in a dictionary, unless networks are banned too."""

    def __init__(self, bans: Iterable[Ban] = ()) -> None:
        self._bans: dict[str, Ban] = {}
        self._wide = SourceSet()
        for ban in bans:
            self._bans[source_text(parse_source(ban.source))] = ban
        self._look_for_wide()

    def __contains__(self, source: object) -> bool:
        return source in self._bans or source in self._wide

    def __len__(self) -> int:
        return len(self._bans)

    def __iter__(self) -> Iterator[Ban]:
        return iter(list(self._bans.values()))

    def add(self, ban: Ban) -> None:
        self._bans[source_text(parse_source(ban.source))] = ban
        self._look_for_wide()

    def get(self, source: str) -> Ban | None:
        """The ban of exactly that source or network."""
        return self._bans.get(source)

    def take_expired(self, now: float) -> list[Ban]:
        """Those that are over, taken out."""
        over = [source for source, ban in self._bans.items() if ban.is_over(now)]
        expired = [self._bans.pop(source) for source in over]
        if expired:
            self._look_for_wide()
        return expired

    def _look_for_wide(self) -> None:
        # A single source is found by its text; "/64" of IPv6 is one.
        networks = [parse_source(source) for source in self._bans if "/" in source]
        self._wide = SourceSet(
            network for network in networks if not (network.version == 6 and network.prefixlen == 64)
        )
