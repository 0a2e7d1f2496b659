"""When which binding is probed: spread out, and never more than so many at a time. Pure."""

from __future__ import annotations

MOST_A_SECOND = 200  # probes; 60 s apart that is 12,000 phones, and with more of them they come less often
MOST_IN_FLIGHT = 1_000  # unanswered probes: a network that is down costs no more than this

Probe = tuple[str, int]  # address-of-record, binding id


class ProbeTimes:
    """A wheel of seconds. A binding is in it once."""

    def __init__(self) -> None:
        self._due: dict[int, list[Probe]] = {}
        self._waiting: set[int] = set()
        self._turned_to = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, probe: Probe, now: float, interval: float, *, is_first: bool) -> None:
        """See that a binding is probed: the first time at a moment that its id draws, then every ``interval``."""
        binding_id = probe[1]
        if binding_id in self._waiting:
            return
        share = (binding_id % 1009 + 1) / 1009 if is_first else 1.0
        second = max(int(now + max(interval * share, 1.0)), self._turned_to)
        self._waiting.add(binding_id)
        self._due.setdefault(second, []).append(probe)

    def take(self, now: float, in_flight: int) -> list[Probe]:
        """Those that are due, as many as may be sent now; the rest stays in front."""
        room = max(0, min(MOST_A_SECOND, MOST_IN_FLIGHT - in_flight))
        second = int(now)
        if not self._turned_to:
            self._turned_to = min(self._due, default=second)
        taken: list[Probe] = []
        while self._turned_to <= second:
            due = self._due.pop(self._turned_to, [])
            fit = room - len(taken)
            taken += due[:fit]
            if len(due) > fit:
                self._due[self._turned_to] = due[fit:]
                break
            self._turned_to += 1
        for _, binding_id in taken:
            self._waiting.discard(binding_id)
        return taken
