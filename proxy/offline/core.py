"""Which messages are stored, as what, and what became of a delivery (RFC 3428 §7, §8). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import formatdate
from enum import Enum
from typing import NamedTuple

from proxy.choices import NOBODY, USERS
from proxy.core.facts import DomainFacts
from sip.message.fields import parse_expires
from sip.message.messages import Request
from sip.message.wire import parse_message

MOST_FIELD_BYTES = 4_096  # of start line and header fields: ten times what phones send with a MESSAGE
MOST_OF_SENDER = 1_000  # messages of one user, in all boxes: a hundred of them fill the store, one does not
MOST_OF_STRANGERS = 50_000  # of all strangers together, who may call themselves what they like
STRANGERS_SHARE = 2  # strangers may fill one half of a user's box, so that nobody shuts his friends out

# What belongs to the one hop, to the one request, or to a proof that does not outlive it (RFC 8224 signs the Date and
# the CSeq). Everything else is delivered as it came.
_LEFT_OUT = (
    "Via", "Route", "Record-Route", "Max-Forwards", "Max-Breadth", "Proxy-Require", "Require", "Authorization",
    "Proxy-Authorization", "Contact", "Timestamp", "Identity", "P-Asserted-Identity", "Remote-Party-ID",
    "Content-Length",
)  # fmt: skip
_FROM_STORE = "SIP/2.0/UDP stored.invalid"  # the Via of who sends it: the response context wants one to answer to

# Final responses of a phone after which the same message would be refused again (§21.4, §21.6). The others are about
# the moment: not now, not here, not without a password.
_TEMPORARY = frozenset({401, 407, 408, 410, 412, 422, 423, 430, 480, 481, 482, 483, 486, 487, 491})
UNREACHABLE = frozenset({408, 430, 480, 500, 503, 504})  # what a forwarded message comes to when no phone took it


class StoringRules(NamedTuple):
    """A domain's settings. ``largest`` in bytes of body, ``lifetime`` in seconds; ``skipped`` are content types in
    lower case, one that ends in ``*`` stands for all that begin so."""

    who: str
    most: int
    largest: int
    lifetime: float
    skipped: tuple[str, ...]


class Kept(NamedTuple):
    """How many messages a user has waiting, how many of them are from strangers, and how many the sender has waiting
    for anybody (a stranger: all strangers)."""

    messages: int
    strangers: int
    of_sender: int = 0


class Outcome(Enum):
    """What became of a delivery to all phones of a user."""

    DELIVERED = "delivered"
    REFUSED = "refused"  # for good
    LATER = "later"


def rules_of(domain: DomainFacts) -> StoringRules:
    return StoringRules(
        domain.store_messages,
        domain.stored_messages_per_user,
        domain.stored_message_size,
        domain.stored_message_days * 86_400.0,
        tuple(domain.stored_message_skip.lower().split()),
    )


def why_not(request: Request, rules: StoringRules, kept: Kept, *, is_user: bool) -> str:
    """Why a message is not stored, in one word for the counters; empty when it is. ``is_user``: its sender is one."""
    if rules.who == NOBODY or (rules.who == USERS and not is_user):
        return "sender"
    if is_skipped(content_type(request), rules.skipped):
        return "type"
    if len(request.body) > rules.largest or sum(map(len, request.raw)) > MOST_FIELD_BYTES:
        return "size"
    if lifetime_of(request, rules) <= 0:
        return "expired"
    if kept.messages >= rules.most or (not is_user and kept.strangers >= max(1, rules.most // STRANGERS_SHARE)):
        return "full"
    if kept.of_sender >= (MOST_OF_SENDER if is_user else MOST_OF_STRANGERS):
        return "sender_full"
    return ""


def content_type(request: Request) -> str:
    """Media type in lower case without parameters; empty where there is none."""
    return (request.first("content-type") or "").partition(";")[0].strip().lower()


def is_skipped(media_type: str, skipped: Sequence[str]) -> bool:
    return any(
        media_type.startswith(pattern[:-1]) if pattern.endswith("*") else media_type == pattern for pattern in skipped
    )


def lifetime_of(request: Request, rules: StoringRules) -> float:
    """Seconds that a message may wait: the domain's, or what its Expires says when that is less (RFC 3428 §4)."""
    if not request.has("expires"):
        return rules.lifetime
    return min(rules.lifetime, float(parse_expires(request.first("expires"), 0)))


def kept_bytes(request: Request, received_at: float) -> bytes:
    """What is stored: the request without what belongs to its way here, with the time it was sent (RFC 3428 §4).

    ``received_at``, in seconds since the epoch, stands in for a Date that is missing.
    """
    copy = request.copy()
    for name in _LEFT_OUT:
        copy.remove(name)
    if not copy.has("date"):
        copy.append("Date", formatdate(received_at, usegmt=True))
    copy.add_top("Via", _FROM_STORE)
    copy.append("Content-Length", str(len(copy.body)))
    return copy.to_bytes()


def restored(kept: bytes, message_id: int, attempt: int) -> Request:
    """The request to deliver: a transaction of our own, so with our Call-ID, the same in each attempt with the next
    CSeq (§8.1.3.5). ``attempt`` counts from 1. An Expires of the sender counts from the Date (RFC 3428 §7), so both
    stay. BadMessage for a broken row."""
    request = parse_message(kept)
    if not isinstance(request, Request):
        raise TypeError("A stored message is no request")
    request.replace("Via", f"{_FROM_STORE};branch=z9hG4bKstored-{message_id}-{attempt}")
    request.replace("Call-ID", f"stored-{message_id}")
    request.replace("CSeq", f"{attempt} {request.method}")
    return request


def outcome_of(statuses: Sequence[int]) -> Outcome:
    """What a delivery came to, from the final responses of all phones (408 and 503 for those that gave none)."""
    if any(200 <= status < 300 for status in statuses):
        return Outcome.DELIVERED
    if statuses and all(is_permanent(status) for status in statuses):
        return Outcome.REFUSED
    return Outcome.LATER


def is_permanent(status: int) -> bool:
    return (400 <= status < 500 and status not in _TEMPORARY) or status == 501 or status >= 600
