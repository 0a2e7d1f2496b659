"""Stateless nonces: the time they were made and a keyed hash over it (RFC 7616 §3.3)."""

from __future__ import annotations

import hashlib
from hmac import compare_digest
from typing import Literal

_TIME = 12  # hex digits: milliseconds since the epoch
_COUNT = 8  # hex digits: makes two nonces of one millisecond differ
_MARK = 16  # hex digits: for whom it was made; 64 bits, tried out by sending one request each
_SEAL = 32  # hex digits
_LENGTH = _TIME + _COUNT + _MARK + _SEAL


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

    def make(self, now_wall: float, realm: str, source: str = "") -> str:
        """A nonce never made before, good in one realm only; ``now_wall`` in seconds since the epoch.

        ``source`` is the numeric host that asked: ``is_for`` tells later whether the same one answers.
        """
        self._count = (self._count + 1) & 0xFFFFFFFF
        stamp = f"{int(now_wall * 1000) & 0xFFFFFFFFFFFF:012x}{self._count:08x}"
        stamp += self._mark(stamp, source)
        return stamp + self._seal(stamp, realm)

    def check(self, nonce: str, now_wall: float, realm: str) -> Literal["valid", "stale", "foreign"]:
        """Foreign when not made with our secret for this realm, stale when made too long ago or by an earlier process.

        Who answers from another address than he asked from is no stranger: phones move from one network to another.
        """
        if len(nonce) != _LENGTH or not nonce.isascii():
            return "foreign"
        if not compare_digest(self._seal(nonce[:-_SEAL], realm), nonce[-_SEAL:]):
            return "foreign"
        made_at = self.made_at(nonce)
        # A time to come means that the clock was set back: better one more round trip than a nonce for ever.
        if made_at < self._valid_from or not -1.0 <= now_wall - made_at <= self.lifetime:
            return "stale"
        return "valid"

    def is_for(self, nonce: str, source: str) -> bool:
        """Whether it was made for this host, which then has received it; only for one that is not foreign.

        Who forges the source of his datagrams never sees the nonces made for it.
        """
        stamp = nonce[: _TIME + _COUNT]
        return compare_digest(self._mark(stamp, source), nonce[_TIME + _COUNT : -_SEAL])

    @staticmethod
    def made_at(nonce: str) -> float:
        """Seconds since the epoch; only for a nonce that ``check`` did not call foreign."""
        return int(nonce[:_TIME], 16) / 1000

    def _mark(self, stamp: str, source: str) -> str:
        return hashlib.blake2b(f"{stamp} {source}".encode(), key=self._key, digest_size=_MARK // 2).hexdigest()

    def _seal(self, stamp: str, realm: str) -> str:
        text = f"{stamp} {realm}".encode("utf-8", "surrogateescape")
        return hashlib.blake2b(text, key=self._key, digest_size=_SEAL // 2).hexdigest()
