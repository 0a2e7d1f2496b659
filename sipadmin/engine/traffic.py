"""The last minutes in figures: requests and answers a second, for the charts of the overview. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

INTERVAL = 2.0  # seconds between two samples
KEPT = 150  # samples: five minutes
# What a sample holds, and which counters of the endpoint it sums.
SERIES: dict[str, tuple[str, ...]] = {
    "register": ("request_REGISTER",),
    "invite": ("request_INVITE",),
    "success": ("answer_2xx",),
    "redirect": ("answer_3xx",),
    "refused": ("answer_4xx",),
    "failed": ("answer_5xx", "answer_6xx"),
}

Sample = dict[str, float]


class Traffic:
    """``sample`` every second or so; ``last`` and ``history`` are what the pages show."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=KEPT)
        self._at: float | None = None
        self._totals: dict[str, int] = {}

    def sample(self, count: Mapping[str, int], now: float, wall: float) -> None:
        """Take a sample when one is due. ``now`` of the loop clock, ``wall`` in seconds since the epoch."""
        if self._at is not None and now - self._at < INTERVAL:
            return
        totals = {name: sum(count.get(key, 0) for key in keys) for name, keys in SERIES.items()}
        if self._at is not None:
            elapsed = now - self._at
            rates = {name: round((total - self._totals[name]) / elapsed, 2) for name, total in totals.items()}
            self._samples.append({"at": round(wall, 1), **rates})
        self._at, self._totals = now, totals

    @property
    def last(self) -> Sample | None:
        return self._samples[-1] if self._samples else None

    def history(self) -> dict[str, Any]:
        """{"interval", "samples": oldest first}."""
        return {"interval": INTERVAL, "samples": list(self._samples)}
