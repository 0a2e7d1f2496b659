"""Token buckets: how much one source may send before it is looked at. Bounded, whoever sends."""

from __future__ import annotations


class TokenBuckets:
    """A bucket of ``burst`` tokens for each source, filled by ``rate`` tokens a second.

    Of more than ``capacity`` sources the one seen first is forgotten, and starts again with a full bucket.
    """

    def __init__(self, rate: float, burst: float, capacity: int) -> None:
        self.rate = rate
        self.burst = burst
        self._capacity = capacity
        self._buckets: dict[str, list[float]] = {}  # source -> tokens, and when they were counted

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, source: str, now: float) -> bool:
        """Take one token; False when there is none."""
        bucket = self._buckets.get(source)
        if bucket is None:
            self._open(source, self.burst - 1.0, now)
            return True
        tokens = min(self.burst, bucket[0] + (now - bucket[1]) * self.rate)
        bucket[1] = now
        if tokens < 1.0:
            bucket[0] = tokens
            return False
        bucket[0] = tokens - 1.0
        return True

    def charge(self, source: str, now: float, cost: float) -> None:
        """Take more for something dear, on credit if need be: what is owed is filled up first."""
        bucket = self._buckets.get(source)
        if bucket is None:
            self._open(source, self.burst - cost, now)
            return
        tokens = min(self.burst, bucket[0] + (now - bucket[1]) * self.rate)
        bucket[0], bucket[1] = max(-cost, tokens - cost), now

    def _open(self, source: str, tokens: float, now: float) -> None:
        if len(self._buckets) >= self._capacity:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[source] = [tokens, now]

    def give(self, source: str, tokens: float) -> None:
        """Put tokens back, for what has proven to be wanted."""
        bucket = self._buckets.get(source)
        if bucket is not None:
            bucket[0] = min(self.burst, bucket[0] + tokens)
