"""The best final response among those of all branches (§16.7 steps 6 and 7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sip.message.messages import Response
from sip.message.status import reason_phrase

# Within 4xx, the answers a caller can repair come first; §16.7 step 6 names 401, 407, 415, 420 and 484. What a person
# would want to hear comes before what only says that nobody answered.
_REPAIRABLE_FIRST = (
    (407,),  # before 401: to a caller who has both to answer, the proxy's challenge says that there are several
    (401,),
    (484,),
    (412,),
    (422, 423),
    (402,),
    (493,),
    (420, 421),
    (406, 415, 488),
    (416, 417),
    (405,),
    (485,),
    (413, 414),
    (486,),
    (480,),
    (410,),
    (403,),
    (404,),
    (487,),
    (430,),
    (482, 483),
    (408,),
)
_PLACE = {status: place for place, statuses in enumerate(_REPAIRABLE_FIRST) for status in statuses}
_UNNAMED = _PLACE[486] - 0.5  # an answer that is not in the list still says more than "busy"


class Candidate:
    """One branch's final answer. ``response`` is None where the server itself stands in for it (§16.8, §16.9)."""

    __slots__ = ("position", "reason", "response", "status")

    def __init__(self, position: int, status: int, reason: str, response: Response | None = None) -> None:
        self.position = position
        self.status = status
        self.reason = reason or reason_phrase(status)
        self.response = response

    def __repr__(self) -> str:
        return f"<branch {self.position}: {self.status} {self.reason}>"


def rank(candidate: Candidate) -> tuple[float, float, int]:
    """Sort key: the lowest is the best (§16.7 step 6)."""
    status = candidate.status
    if status >= 600:
        return (0, 0, candidate.position)
    if status < 400:
        return (3, 0, candidate.position)
    if status < 500:
        return (4, _PLACE.get(status, _UNNAMED), candidate.position)
    return (5, 1 if status == 503 else 0, candidate.position)


def best_of(candidates: Iterable[Candidate]) -> Candidate:
    """The best of at least one, as it is."""
    return min(candidates, key=rank)


def choose(candidates: Sequence[Candidate], *, is_cancelled: bool = False) -> Candidate:
    """The best of the candidates; 408 of our own when there are none (§16.7 step 6).

    ``is_cancelled``: the caller has sent CANCEL, so 487 is what he expects unless there is a 6xx (§9.2).
    """
    if is_cancelled and not any(candidate.status >= 600 for candidate in candidates):
        for candidate in candidates:
            if candidate.status == 487:
                return candidate
        return Candidate(-1, 487, "")
    if not candidates:
        return Candidate(-1, 408, "")
    best = best_of(candidates)
    if best.status == 503:
        # §16.7 step 6: a 503 would say that this whole server is out of service.
        return Candidate(best.position, 500, "Server Internal Error")
    return best


def add_challenges(best: Response, others: Iterable[Candidate]) -> None:
    """Add the challenges of all other 401 and 407 responses, unchanged, to the chosen one (§16.7 step 7)."""
    if best.status not in (401, 407):
        return
    for candidate in others:
        response = candidate.response
        if response is None or response is best or response.status not in (401, 407):
            continue
        for name in ("WWW-Authenticate", "Proxy-Authenticate"):
            for value in response.lines(name.lower()):
                best.append(name, value)
