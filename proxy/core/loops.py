"""Loop detection (§16.3 step 4, §16.6 step 8; RFC 5393 §4): a keyed hash in the branch of every copy we send.

It needs no memory: whoever has the secret, another worker or this server after a restart, knows a request that came
back. The key is why our sent-by need not be compared: nobody else can make the hash.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

from sip.message.messages import Request
from sip.message.uri import Uri

# Header fields that admission or routing look at (§16.6 step 8).
_FIELDS = ("route", "proxy-require", "proxy-authorization")
CACHED_CHARACTERS = 256  # longer URIs are rare, and would fill the memory of those who keep them
_HASH_BYTES = 9  # by chance equal once in 2**72


class LoopCheck:
    """``secret`` is the server's own and should outlive a restart."""

    __slots__ = ("_key",)

    def __init__(self, secret: bytes) -> None:
        self._key = blake2b(secret, digest_size=32, person=b"loop").digest()

    def mark(self, request: Request, uri: Uri) -> str:
        """Second part of the branch: what the way of this request depends on. A token, beginning with a dot.

        ``uri`` is the Request-URI as received, after §16.4. The method stays out, for ACK and CANCEL have the branch
        of their INVITE; so does the topmost Via, which differs whenever a request comes back, so that no loop would
        ever be found (RFC 5393 §4.2.1).
        """
        from_ = request.from_
        # No value has a line break in it, so that no two lists give the same text.
        text = f"{canonical(uri)}\n{request.call_id}\n{request.cseq.number}\n{request.to_tag}"
        text = f"{text}\n{from_.uri_text}\n{from_.tag}"
        names = request.names
        for name in _FIELDS:
            if name in names:
                text = "\n".join([text, name, *request.lines(name)])
        return (
            "." + blake2b(text.encode("utf-8", "surrogateescape"), digest_size=_HASH_BYTES, key=self._key).hexdigest()
        )


def is_loop(request: Request, mark: str) -> bool:
    """Whether a copy with this mark came back: nothing changed that routing depends on. Otherwise it may be a spiral,
    which is legal (P24)."""
    for name, line in zip(request.names, request.raw, strict=True):  # noqa: SIM110 - half the time of any()
        if name == "via" and mark in line:
            return True
    return False


def canonical(uri: Uri) -> str:
    """One text for the spellings of a URI that are routed alike (§10.3 step 5, §19.1.4)."""
    return _cached(uri.text) if len(uri.text) <= CACHED_CHARACTERS else _canonical(uri)


@lru_cache(maxsize=4096)
def _cached(text: str) -> str:
    return _canonical(Uri.parse(text))


def _canonical(uri: Uri) -> str:
    if not uri.is_sip:
        return uri.text
    params = sorted(f"{name}={(value or '').lower()}" for name, value in uri.params.items())
    user = uri.username.replace("\n", "%0A")
    return f"{uri.scheme}:{user}@{uri.host}:{uri.port or ''};{';'.join(params)}"
