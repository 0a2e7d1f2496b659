"""Requests to the server itself, not to a user: a small UAS core (§8.2, §11)."""

from __future__ import annotations

from collections.abc import Sequence

from proxy.core.facts import Refuse
from sip.message.bodies import unread_body
from sip.message.messages import Request
from sip.message.methods import METHODS
from sip.message.params import printable

ALLOW = ("OPTIONS", "REGISTER", "SUBSCRIBE", "CANCEL")
EVENTS = ("Allow-Events", "reg")  # of users, by the notifier of registrations (RFC 3680)
TAKEN = ("application/sdp",)  # what OPTIONS may bring, since a phone would take it


def answer(request: Request, *, is_merged: bool, supported: Sequence[str] = ()) -> Refuse:
    """Answer to a request for the server itself; status 200 for OPTIONS (§11.2), otherwise a refusal, in the order of
    §8.2. ``supported`` are the option-tags of this server."""
    method = printable(request.method)
    allow = ("Allow", ", ".join(ALLOW))
    if request.method not in METHODS:  # §21.5.2; those known that mean nothing to a server as such get 405 (§21.4.6)
        return Refuse(501, "Not Implemented", f"{method} to the server itself, which does not know it: 501", [allow])
    if request.to_tag:
        return Refuse(
            481, "Call/Transaction Does Not Exist", f"{method} in a dialog that this server does not have: 481"
        )
    if request.method not in ALLOW:
        return Refuse(405, "Method Not Allowed", f"{method} to the server itself and not to a user: 405", [allow])
    if request.method == "SUBSCRIBE":
        return Refuse(489, "Bad Event", "SUBSCRIBE to a server that has no domain yet: 489", [allow, EVENTS])
    if is_merged:
        return Refuse(482, "Loop Detected", f"{method} arrived twice, by two ways: 482")
    required = request.values("require") if request.has("require") else []
    unknown = [tag for tag in required if tag.lower() not in supported]
    if unknown:
        tags = ", ".join(unknown)
        return Refuse(420, "Bad Extension", f"{method} requires {printable(tags)}: 420", [("Unsupported", tags)])
    unread = unread_body(request, TAKEN)
    if unread is not None:
        return Refuse(415, "Unsupported Media Type", f"{method} has a body that the server cannot read: 415", unread)
    accepts = [("Accept", ", ".join(TAKEN)), ("Accept-Encoding", "identity"), ("Accept-Language", "en")]
    fields = [allow, EVENTS, *accepts, ("Supported", ", ".join(supported))]
    return Refuse(200, "OK", "The server answered for itself", fields)
