"""Who watches registrations: what a SUBSCRIBE for the ``reg`` package asks for (RFC 3680 §4, RFC 6665 §4.2.1). Pure."""

from __future__ import annotations

from typing import NamedTuple

from registrar.outcome import Refused
from registrar.watching.reginfo import CONTENT_TYPE
from sip.message.address import Address
from sip.message.errors import BadMessage
from sip.message.fields import parse_contacts, parse_expires
from sip.message.limits import MAX_ROUTES
from sip.message.messages import Request
from sip.message.params import is_token, parse_params

PACKAGE = "reg"
DEFAULT_EXPIRES = 3761  # seconds, RFC 3680 §4.3
SHORTEST_EXPIRES = 60  # seconds; a watcher who asks for less makes more traffic than a phone that registers
LONGEST_EXPIRES = 86_400  # seconds; whoever is gone without a word is forgotten within a day
ALLOW_EVENTS = ("Allow-Events", PACKAGE)


class Wanted(NamedTuple):
    """A subscription as asked for: seconds (0 to look once, or to end), where to notify, by which way, under which
    Event ``id``. ``contact`` is None in a refresh that does not change it."""

    expires: int
    contact: Address | None
    route_set: list[str]
    event_id: str


def event_of(request: Request) -> tuple[str, str]:
    """Event package and ``id`` of a SUBSCRIBE, empty where there is none (RFC 6665 §8.2.1)."""
    package, _, params = (request.first("event") or "").partition(";")
    try:
        event_id = parse_params(";" + params).get("id") if params.strip() else None
    except BadMessage:
        event_id = None
    package = package.strip()
    return (package if is_token(package) else "", event_id or "")


def inspect_subscribe(request: Request, *, is_refresh: bool) -> Wanted | Refused:
    """What is asked for, or why not. A refresh needs no Contact (RFC 6665 §4.1.2.2)."""
    package, event_id = event_of(request)
    if package != PACKAGE:
        return Refused(489, "Bad Event", "RFC 6665 4.2.1.1", [ALLOW_EVENTS])
    required = request.values("require") if request.has("require") else []
    if required:
        return Refused(420, "Bad Extension", "8.2.2.3", [("Unsupported", ", ".join(required))])
    if request.has("accept") and not _accepts(request.values("accept")):
        return Refused(406, "Not Acceptable", "RFC 3680 4.4", [("Accept", CONTENT_TYPE)])
    expires = parse_expires(request.first("expires"), DEFAULT_EXPIRES)
    if 0 < expires < SHORTEST_EXPIRES:
        return Refused(423, "Interval Too Brief", "RFC 6665 4.2.1.1", [("Min-Expires", str(SHORTEST_EXPIRES))])
    try:
        is_star, contacts = parse_contacts(request.lines("contact"))
        route_set = request.values("record-route")
        for value in route_set:
            Address.parse(value).uri  # noqa: B018 - read for its errors
    except BadMessage as error:
        return Refused(400, error.reason, "8.2.2")
    if is_star or len(contacts) > 1 or not (contacts or is_refresh):
        return Refused(400, "SUBSCRIBE needs one Contact", "12.1.1")
    if contacts and not _is_callable(contacts[0]):
        return Refused(400, "The Contact of SUBSCRIBE is no SIP URI", "12.1.1")
    if len(route_set) > MAX_ROUTES:
        return Refused(400, "Too many Record-Route values", "12.1.1")
    return Wanted(min(expires, LONGEST_EXPIRES), contacts[0] if contacts else None, route_set, event_id)


def _accepts(values: list[str]) -> bool:
    types = {value.partition(";")[0].strip().lower() for value in values}
    return not types.isdisjoint((CONTENT_TYPE, "application/*", "*/*"))


def _is_callable(contact: Address) -> bool:
    try:
        return contact.uri.is_sip
    except BadMessage:
        return False
