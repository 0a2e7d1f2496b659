"""Which nonce counts were used: a replayed request is not accepted twice (RFC 7616 §3.3, §5.5)."""

from __future__ import annotations

from sip.auth.nonce import NonceFactory

_WINDOW = 32  # counts that may come out of order: requests of one phone overtake each other on UDP
_MASK = (1 << _WINDOW) - 1
_CLOSED = (0xFFFFFFFF << _WINDOW) | _MASK


class UsedCounts:
    """Per nonce the highest count and a bitmap of the 32 up to it, both in one integer; memory is bounded.

    Only nonces that proved right belong in here, so strangers cannot fill it. When it is full the oldest nonce goes,
    and every nonce that is not newer is refused from then on: forgetting never makes a replay possible.
    """

    def __init__(self, lifetime: float, capacity: int = 100_000) -> None:
        self._lifetime = lifetime
        self._capacity = capacity
        self._used: dict[str, int] = {}
        self._forgotten_until = -1.0

    def __len__(self) -> int:
        return len(self._used)

    def use(self, nonce: str, count: int, now_wall: float) -> bool:
        """Take one count of a nonce; False when it was used before or is too far behind to know."""
        state = self._used.get(nonce)
        if state is None:
            return self._insert(nonce, (count << _WINDOW) | 1, now_wall)
        highest = state >> _WINDOW
        if count > highest:
            shift = count - highest
            seen = ((state & _MASK) << shift | 1) & _MASK if shift < _WINDOW else 1
            self._used[nonce] = (count << _WINDOW) | seen
            return True
        behind = highest - count
        if behind >= _WINDOW or state >> behind & 1:
            return False
        self._used[nonce] = state | 1 << behind
        return True

    def use_once(self, nonce: str, now_wall: float) -> bool:
        """Take a nonce as a whole: for clients of RFC 2069, which do not count."""
        return nonce not in self._used and self._insert(nonce, _CLOSED, now_wall)

    def _insert(self, nonce: str, state: int, now_wall: float) -> bool:
        if NonceFactory.made_at(nonce) <= self._forgotten_until:
            return False
        used = self._used
        for _ in range(2):  # two out for one in: expired ones never pile up, and no request pays for many
            oldest = next(iter(used), None)
            if oldest is None:
                break
            made_at = NonceFactory.made_at(oldest)
            if len(used) >= self._capacity:
                self._forgotten_until = max(self._forgotten_until, made_at)
            elif now_wall - made_at <= self._lifetime:
                break
            del used[oldest]
        used[nonce] = state
        return True
