"""What a user has arranged for calls to him: forward always, when busy, when nobody answers, or do not disturb.

Only calls (INVITE) are concerned; messages and the like follow the policy alone.
"""

from __future__ import annotations

from typing import NamedTuple

from proxy.core.facts import UserFacts

BUSY = (486,)
# §16.8, §16.9 and RFC 5626 §5.3: nobody answered, answered in time, or could be reached.
NO_ANSWER = (408, 430, 480, 503)


class Arranged(NamedTuple):
    """``target`` is a SIP URI, empty when the call is refused; ``why`` in words that follow the user's name."""

    target: str
    why: str


def at_once(user: UserFacts, *, is_one_phone: bool = False) -> Arranged | None:
    """Before any phone rings. Who asks for one phone of his is not sent to others (RFC 5627 §5.1)."""
    if user.forward_always and not is_one_phone:
        return Arranged(user.forward_always, "forwards all calls")
    if user.do_not_disturb:
        return Arranged("" if is_one_phone else user.forward_busy, "does not want to be disturbed")
    return None


def without_phone(user: UserFacts) -> Arranged | None:
    """No phone is registered that could ring."""
    return Arranged(user.forward_no_answer, "has no phone there") if user.forward_no_answer else None


def after(user: UserFacts, status: int) -> Arranged | None:
    """When this is the best that came of ringing; a phone that declined (6xx) has spoken for all of them."""
    if status in BUSY and user.forward_busy:
        return Arranged(user.forward_busy, "was busy")
    if status in NO_ANSWER and user.forward_no_answer:
        return Arranged(user.forward_no_answer, "did not answer")
    return None
