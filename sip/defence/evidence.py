"""What is held against a source, and how much it weighs."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

WINDOW = 600.0  # seconds; older evidence counts no more

# Points. A source is banned at SOURCE_LIMIT within the window (scoreboard.py).
POINTS = {
    "wrong-password": 2.0,
    # A phone knows its own name, so that one that does not exist is a guess, or a user who was deleted.
    "unknown-user": 4.0,
    # The same user at the same source once more. A phone with an old password, or of a deleted user, goes on for ever,
    # slowly; who guesses is fast.
    "again": 0.5,
    # The program says so itself.
    "scanner": 10.0,
    # On connections only: a load balancer that looks whether the port is open sends nothing at all.
    "not-sip": 1.0,
}
SENTENCES = {
    "wrong-password": "wrong password",
    "unknown-user": "a user that does not exist",
    "again": "the same user tried again and again",
    "scanner": "a program that looks for SIP servers to break into",
    "not-sip": "bytes that are not SIP",
}

# User-Agents of programs that look for servers and passwords, in lower case. Test tools that people use on their own
# servers (SIPp, sipsak) are not among them.
SCANNERS = (
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "sundayddr",
    "sip-scan",
    "sipscan",
    "sipcli",
    "pplsip",
    "sippts",
    "siparmyknife",
    "vaxsipuseragent",
    "iwar",
    "smap ",
    "nm@nm",
)


@lru_cache(1024)
def is_scanner(user_agent: str) -> bool:
    """Whether a User-Agent is that of a known attack program."""
    name = user_agent.lower()
    return any(scanner in name for scanner in SCANNERS)


class Evidence(NamedTuple):
    """One thing that a source did; ``at`` in seconds since the epoch, ``kind`` one of POINTS, ``detail`` printable."""

    at: float
    kind: str
    detail: str

    @property
    def points(self) -> float:
        return POINTS[self.kind]

    def facts(self) -> dict[str, object]:
        """JSON-able."""
        return {"at": self.at, "kind": self.kind, "detail": self.detail, "points": self.points}
