"""Timers T1, T2 and T4 and the machinery that fires them (§17.1.1.1, table 4 in Appendix A).

Nearly all timers have one of a dozen lengths, and nearly all are cancelled: so there is one deque for each length,
which is in order by itself, and a cancelled timer stays where it is until its time comes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Protocol

_COMPACT_ABOVE = 1024  # cancelled single timers that may wait before the heap is cleared of them


class Intervals:
    """The intervals of §17 in seconds, all from T1, T2 and T4."""

    __slots__ = ("before_trying", "longest", "t1", "t2", "t4", "timer_d")

    def __init__(self, t1: float = 0.5, t2: float = 4.0, t4: float = 5.0) -> None:
        self.t1 = t1
        self.t2 = t2
        self.t4 = t4
        self.longest = 64 * t1  # Timers B, F, H, J and, by RFC 6026, L and M
        self.timer_d = max(32.0, 64 * t1)  # §17.1.1.2: at least 32 s, as the other side's T1 is unknown
        # RFC 4320 §4.1: no 100 to a non-INVITE before the client's Timer E is reset to T2.
        elapsed, interval = t1, t1
        while interval * 2 < t2:
            interval *= 2
            elapsed += interval
        self.before_trying = elapsed


class TimerOwner(Protocol):
    def timer_fired(self, name: str, now: float) -> None: ...


class Timer:
    """A running timer: ``due`` in seconds of the loop clock, ``owner`` None once cancelled or fired."""

    __slots__ = ("due", "name", "owner")

    def __init__(self, due: float, owner: TimerOwner | None, name: str) -> None:
        self.due = due
        self.owner = owner
        self.name = name

    def cancel(self) -> None:
        self.owner = None

    def __lt__(self, other: Timer) -> bool:
        return self.due < other.due


class Timers:
    """All timers of an endpoint. ``wake(when)`` is called when ``fire`` has to be called earlier than last said."""

    def __init__(self, wake: Callable[[float], None]) -> None:
        self._wake = wake
        self._wakes_at = float("inf")
        self._queues: dict[float, deque[Timer]] = {}
        self._single: list[Timer] = []
        self._compact_at = _COMPACT_ABOVE

    def start(self, owner: TimerOwner, name: str, interval: float, now: float) -> Timer:
        """Start a timer of one of the usual lengths."""
        due = now + interval
        timer = Timer(due, owner, name)
        queue = self._queues.get(interval)
        if queue is None:
            queue = self._queues[interval] = deque()
        queue.append(timer)
        if due < self._wakes_at:
            self._wakes_at = due
            self._wake(due)
        return timer

    def start_at(self, owner: TimerOwner, name: str, when: float) -> Timer:
        """Start a timer that is due at any point in time."""
        timer = Timer(when, owner, name)
        if len(self._single) >= self._compact_at:
            self._single = [single for single in self._single if single.owner is not None]
            heapify(self._single)
            self._compact_at = max(_COMPACT_ABOVE, 2 * len(self._single))
        heappush(self._single, timer)
        if when < self._wakes_at:
            self._wakes_at = when
            self._wake(when)
        return timer

    def fire(self, now: float) -> None:
        """Fire what is due, then ask to be woken for the next."""
        self._wakes_at = float("-inf")  # nothing started meanwhile needs to wake us: we look again below
        for queue in list(self._queues.values()):
            while queue:
                timer = queue[0]
                owner = timer.owner
                if owner is not None and timer.due > now:
                    break
                queue.popleft()
                if owner is not None:
                    timer.owner = None
                    owner.timer_fired(timer.name, now)
        single = self._single
        while single and (single[0].owner is None or single[0].due <= now):
            timer = heappop(single)
            owner = timer.owner
            if owner is not None:
                timer.owner = None
                owner.timer_fired(timer.name, now)
                single = self._single
        due = self.next_due()
        self._wakes_at = due
        if due != float("inf"):
            self._wake(due)

    def next_due(self) -> float:
        """When the next timer is due, infinity when none runs."""
        due = float("inf")
        for queue in self._queues.values():
            while queue and queue[0].owner is None:
                queue.popleft()
            if queue and queue[0].due < due:
                due = queue[0].due
        single = self._single
        while single and single[0].owner is None:
            heappop(single)
        if single and single[0].due < due:
            due = single[0].due
        return due

    def __len__(self) -> int:
        """Timers that are still to fire."""
        running = sum(timer.owner is not None for queue in self._queues.values() for timer in queue)
        return running + sum(timer.owner is not None for timer in self._single)
