"""Stateless nonces: the time they were made and a keyed hash over it (RFC 7616 §3.3)."""

from __future__ import annotations

import hashlib
from hmac import compare_digest
from typing import Literal

_TIME = 12  # hex digits: milliseconds since the epoch
_COUNT = 8  # hex digits: makes two nonces of one millisecond differ
_LENGTH = _TIME + _COUNT + 32


class NonceFactory:
    """Makes nonces and knows its own again, without remembering any.

    ``secret`` (bytes, at least 16) may outlive a restart. ``valid_from`` (seconds since the epoch) is when this process
    started: what was made before is stale at best, because nobody remembers which nonce counts were used by then.
    """

    def __init__(self, secret: bytes, lifetime: float = 300.0, *, valid_from: float = 0.0) -> None:
        if len(secret) < 16:
            raise ValueError("The secret of the nonces needs at least 16 bytes")
        self.lifetime = lifetime
        self._key = hashlib.blake2b(secret, digest_size=32, person=b"sip nonce").digest()
        self._valid_from = valid_from
        self._count = 0

    def make(self, now_wall: float) -> str:
        """A nonce never made before; ``now_wall`` in seconds since the epoch."""
        self._count = (self._count + 1) & 0xFFFFFFFF
        stamp = f"{int(now_wall * 1000) & 0xFFFFFFFFFFFF:012x}{self._count:08x}"
        return stamp + self._seal(stamp)

    def check(self, nonce: str, now_wall: float) -> Literal["valid", "stale", "foreign"]:
        """Foreign when not made with our secret, stale when made too long ago or by an earlier process."""
        if len(nonce) != _LENGTH or not nonce.isascii():
            return "foreign"
        stamp = nonce[: _TIME + _COUNT]
        if not compare_digest(self._seal(stamp), nonce[_TIME + _COUNT :]):
            return "foreign"
        made_at = self.made_at(nonce)
        # A time to come means that the clock was set back: better one more round trip than a nonce for ever.
        if made_at < self._valid_from or not -1.0 <= now_wall - made_at <= self.lifetime:
            return "stale"
        return "valid"

    @staticmethod
    def made_at(nonce: str) -> float:
        """Seconds since the epoch; only for a nonce that ``check`` did not call foreign."""
        return int(nonce[:_TIME], 16) / 1000

    def _seal(self, stamp: str) -> str:
        return hashlib.blake2b(stamp.encode(), key=self._key, digest_size=16).hexdigest()
