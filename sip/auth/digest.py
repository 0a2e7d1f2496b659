"""Digest computations (§22.4, RFC 7616 §3.4): values in, hex text out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache, partial

# RFC 7616 §6.1 and RFC 8760 §2; the names as they stand in a challenge. MD5 here is what phones speak, not a safeguard.
_HASHES: dict[str, Callable[[bytes], hashlib._Hash]] = {
    "MD5": partial(hashlib.md5, usedforsecurity=False),
    "SHA-256": hashlib.sha256,
    "SHA-512-256": partial(hashlib.new, "sha512_256"),
}
ALGORITHMS = tuple(_HASHES)
NO_HA1 = "0" * 32  # stands in for an unknown user, so that he costs as much as a known one


def ha1(algorithm: str, username: str, realm: str, password: str) -> str:
    """H(A1) as lower-case hex: what a store keeps instead of a password (RFC 7616 §3.4.2).

    Raises ValueError for an algorithm that is not one of ALGORITHMS.
    """
    if algorithm not in _HASHES:
        raise ValueError(f"Unknown digest algorithm {algorithm!r}")
    return _hex(algorithm, f"{username}:{realm}:{password}")


def response(
    algorithm: str, ha1_hex: str, method: str, uri: str, nonce: str, qop: str = "", nc: str = "", cnonce: str = ""
) -> str:
    """The ``response`` parameter as lower-case hex (RFC 7616 §3.4.1); without ``qop`` as RFC 2069 had it (§22.4)."""
    ha2 = _ha2(algorithm, method, uri)
    if qop:
        return _hex(algorithm, f"{ha1_hex}:{nonce}:{nc}:{cnonce}:{qop}:{ha2}")
    return _hex(algorithm, f"{ha1_hex}:{nonce}:{ha2}")


def _hex(algorithm: str, text: str) -> str:
    return _HASHES[algorithm](text.encode("utf-8", "surrogateescape")).hexdigest()


@lru_cache(1024)
def _ha2(algorithm: str, method: str, uri: str) -> str:
    # Phones of one domain send the same few values, so most of these are found, not computed.
    return _hex(algorithm, f"{method}:{uri}")
