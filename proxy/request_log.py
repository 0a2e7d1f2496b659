"""What was decided about requests that are no call attempt: REGISTERs, and whatever was refused.

Coalesced by source, method, status and target, and bounded on every side: who floods the server adds to a number, not
to a table. Belongs to the loop thread, except for ``take``. Pure: times are those of the loop clock.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sip.decision import Step
from sip.message.messages import Request
from sip.transport.flow import Flow

MOST_OPEN = 2_000  # entries that may still grow; the longest silent ones are closed
MOST_OF_SOURCE = 20  # targets of one source told apart, by method and status; a phone has one or two
MOST_NEW_A_SECOND = 50  # entries; what exceeds it is one entry of many sources
OPEN_FOR = 3_600.0  # seconds; then a new entry begins, so that a time of day can be found again
MOST_SOURCES = 5_000  # whose refused calls are counted

Key = tuple[str, str, int, str]


class Told(NamedTuple):
    """What is only wanted when a request is written. ``source``: as ``Flow.text``; ``sender``: the From URI."""

    source: str
    sender: str
    call_id: str
    user_agent: str
    steps: Sequence[Step]


class Decided(NamedTuple):
    """One request and its answer. ``host`` is the numeric host of the source, ``target`` a URI; ``tell`` gives the
    rest, should somebody want it: of a thousand equal requests only the last is asked."""

    method: str
    host: str
    target: str
    status: int
    reason: str
    tell: Callable[[], Told]
    at: float


class Entry:
    """Equal requests of the last hour; the facts are those of the latest."""

    __slots__ = ("count", "first_at", "host", "id", "is_waiting", "last")

    def __init__(self, id: int, host: str, last: Decided) -> None:
        self.id = id
        self.host = host  # empty: of many sources
        self.last = last
        self.first_at = last.at
        self.count = 1
        self.is_waiting = False

    def settle(self, last: Decided, told: Told) -> None:
        """``last`` was written as ``told``: let go of the request, which may be large."""
        if self.last is last:
            self.last = last._replace(tell=lambda: told)


class RequestLog:
    """``wall`` turns the loop clock into seconds since the epoch. ``lumped`` counts requests that are told of only as
    part of the entry of many sources."""

    def __init__(self, wall: Callable[[float], float]) -> None:
        self.wall = wall
        self._open: OrderedDict[Key, Entry] = OrderedDict()
        self._targets: dict[tuple[str, str, int], int] = {}  # open entries of a source, a method and a status
        self._waiting: deque[Entry] = deque()
        self._last_id = 0
        self._second = 0
        self._new_this_second = 0
        self.lumped = 0

    def note(self, decided: Decided) -> Entry:
        """Keep one decision; the entry that it is part of."""
        entry = self._entry_for(decided)
        if not entry.is_waiting:
            entry.is_waiting = True
            self._waiting.append(entry)
        return entry

    def _entry_for(self, decided: Decided) -> Entry:
        host, method, status = decided.host, decided.method, decided.status
        key = (host, method, status, decided.target)
        entry = self._grown(key, decided)
        if entry is not None:
            return entry
        if self._targets.get((host, method, status), 0) >= MOST_OF_SOURCE:
            key = (host, method, status, "")  # whatever it asks for: a scanner tries thousands of names
            entry = self._grown(key, decided)
            if entry is not None:
                return entry
        second = int(decided.at)
        if second != self._second:
            self._second, self._new_this_second = second, 0
        self._new_this_second += 1
        if self._new_this_second > MOST_NEW_A_SECOND:
            self.lumped += 1
            key = ("", method, status, "")
            entry = self._grown(key, decided)
            if entry is not None:
                return entry
        return self._begin(key, decided)

    def _grown(self, key: Key, decided: Decided) -> Entry | None:
        entry = self._open.get(key)
        if entry is None:
            return None
        if decided.at - entry.first_at > OPEN_FOR:
            self._close(key)
            return None
        entry.count += 1
        entry.last = decided
        self._open.move_to_end(key)
        return entry

    def _begin(self, key: Key, decided: Decided) -> Entry:
        self._last_id = max(self._last_id + 1, int(self.wall(decided.at) * 1_000_000))
        entry = self._open[key] = Entry(self._last_id, key[0], decided)
        if len(self._open) > MOST_OPEN:
            self._close(next(iter(self._open)))
        kind = key[:3]
        self._targets[kind] = self._targets.get(kind, 0) + 1
        return entry

    def _close(self, key: Key) -> None:
        del self._open[key]
        kind = key[:3]
        left = self._targets.pop(kind) - 1
        if left:
            self._targets[kind] = left

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def take(self, most: int) -> list[Entry]:
        """Entries that changed, the longest waiting first; for the writer's thread."""
        taken: list[Entry] = []
        try:
            while len(taken) < most:
                entry = self._waiting.popleft()
                entry.is_waiting = False  # before it is read: a change from now on brings it here again
                taken.append(entry)
        except IndexError:
            pass
        return taken


class Limit:
    """How many call attempts of refused INVITEs of one kind are kept in a minute."""

    __slots__ = ("_counts", "_minute", "most")

    def __init__(self, most: int) -> None:
        self.most = most
        self._minute = 0
        self._counts: dict[tuple[str, int], int] = {}

    def allows(self, host: str, status: int, now: float) -> bool:
        minute = int(now // 60)
        if minute != self._minute or len(self._counts) > MOST_SOURCES:
            self._minute = minute
            self._counts.clear()
        key = (host, status)
        count = self._counts[key] = self._counts.get(key, 0) + 1
        return count <= self.most


def tell_of(request: Request, flow: Flow, steps: Callable[[], Sequence[Step]]) -> Told:
    """Whatever of a request can be read; no header field is parsed, for it may be the malformed one."""
    sender, call_id, user_agent = (request.first(name) or "" for name in ("from", "call-id", "user-agent"))
    return Told(flow.text, sender, call_id, user_agent, steps())
