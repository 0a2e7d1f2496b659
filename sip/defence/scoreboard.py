"""Who has failed how often: by source, and by source and user.

A user is locked out at one source only, never elsewhere: whoever guesses a password must not keep its owner from his
phone. What is not proven (a datagram with a forged source) never gets here.
"""

from __future__ import annotations

from collections import deque

from sip.defence.evidence import WINDOW, Evidence

SOURCE_LIMIT = 20.0  # points within the window: 25 guesses for one user, 10 for two, or five names that do not exist
GOOD_USER_BONUS = 10.0  # more for each user who logged in from there lately: an office behind one address
MOST_GOOD_USERS = 10  # that count, so that the limit stays within what is kept
USER_LIMIT = 5  # wrong passwords of one user at one source within the window, then he is locked out there
LOCK_INTERVAL = 60.0  # seconds that he stays so: long for a guesser, and short for who has corrected a typing error

MAX_SOURCES = 4_000  # kept; they are real addresses, so that few attackers have as many
MAX_EVIDENCE = 64  # of one source: enough for the highest limit with wrong passwords
MAX_USERS = 20_000  # pairs of source and user
NAMES_KEPT = 20  # names tried by one source, for people to look at

User = tuple[str, str]  # realm, user name


class SourceRecord:
    """What one source did lately. ``good``: users who logged in from there, and when."""

    __slots__ = ("evidence", "failures", "first_at", "good", "last_at", "names", "source")

    def __init__(self, source: str, now: float) -> None:
        self.source = source
        self.evidence: deque[Evidence] = deque(maxlen=MAX_EVIDENCE)
        self.good: dict[User, float] = {}
        self.names: dict[str, None] = {}
        self.failures = 0  # since it was first seen, however long ago
        self.first_at = now
        self.last_at = now

    def score(self, now: float) -> float:
        return sum(one.points for one in self.evidence if one.at > now - WINDOW)

    def limit(self, now: float) -> float:
        good = sum(at > now - WINDOW for at in self.good.values())
        return SOURCE_LIMIT + GOOD_USER_BONUS * good


class _Failures:
    """Of one user at one source."""

    __slots__ = ("count", "first_at", "locked_until")

    def __init__(self, now: float) -> None:
        self.count = 0
        self.first_at = now
        self.locked_until = 0.0


class Scoreboard:
    """Times are seconds since the epoch."""

    def __init__(self, max_sources: int = MAX_SOURCES, max_users: int = MAX_USERS) -> None:
        self._sources: dict[str, SourceRecord] = {}
        self._users: dict[tuple[str, User], _Failures] = {}
        self._max_sources = max_sources
        self._max_users = max_users

    def add(self, source: str, evidence: Evidence, name: str = "") -> bool:
        """Hold something against a source, with the user name it used; True when the limit is reached."""
        record = self._record(source, evidence.at)
        record.evidence.append(evidence)
        record.failures += 1
        if name and len(record.names) < NAMES_KEPT:
            record.names[name] = None
        return record.score(evidence.at) >= record.limit(evidence.at)

    def is_locked(self, source: str, user: User, now: float) -> bool:
        failures = self._users.get((source, user))
        return failures is not None and now < failures.locked_until

    def failed(self, source: str, user: User, now: float) -> int:
        """A wrong password of a user at a source; how many that makes within the window."""
        failures = self._users.get((source, user))
        if failures is None or now - failures.first_at > WINDOW:
            failures = _Failures(now)
            self._users.pop((source, user), None)
            if len(self._users) >= self._max_users:
                del self._users[next(iter(self._users))]
            self._users[source, user] = failures
        failures.count += 1
        if failures.count >= USER_LIMIT:
            failures.locked_until = now + LOCK_INTERVAL
        return failures.count

    def succeeded(self, source: str, user: User, now: float) -> None:
        """A right password: his own failures there are forgotten, and the source is known to have a user of ours."""
        if self._users:
            self._users.pop((source, user), None)
        record = self._sources.get(source)
        if record is None:
            return  # nothing is held against it, so that nothing needs to be weighed
        if user not in record.good and len(record.good) >= MOST_GOOD_USERS:
            del record.good[min(record.good, key=record.good.__getitem__)]
        record.good[user] = now

    def forget(self, source: str) -> None:
        """Hold nothing against a source any more."""
        self._sources.pop(source, None)
        for key in [key for key in self._users if key[0] == source]:
            del self._users[key]

    def sources(self) -> list[SourceRecord]:
        """Those of which something is known, the latest first."""
        return sorted(self._sources.values(), key=lambda record: -record.last_at)

    def record(self, source: str) -> SourceRecord | None:
        return self._sources.get(source)

    def locked(self, now: float) -> list[tuple[str, User, float]]:
        """Source, user and until when, of all that are locked out."""
        return [
            (source, user, one.locked_until) for (source, user), one in self._users.items() if one.locked_until > now
        ]

    def _record(self, source: str, now: float) -> SourceRecord:
        record = self._sources.pop(source, None)
        if record is None:
            if len(self._sources) >= self._max_sources:
                del self._sources[next(iter(self._sources))]  # the one that was quiet longest
            record = SourceRecord(source, now)
        self._sources[source] = record
        record.last_at = now
        return record
