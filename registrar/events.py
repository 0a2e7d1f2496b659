"""What the console hears about bindings. Pure: facts in, JSON-able dictionaries out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from sip.location import Binding
from sip.message.messages import Request
from sip.message.params import printable

# ``moved`` is a refresh from another address, ``replaced`` a removal in favour of another contact.
Change = Literal["added", "refreshed", "moved", "removed", "replaced", "expired"]
# What happened to a contact, in the words of RFC 3680 §4.7.2; "created" is by an administrator, "deactivated" too.
ContactEvent = Literal["registered", "created", "refreshed", "expired", "deactivated", "unregistered", "rejected"]
Observe = Callable[[Binding, ContactEvent], None]

BY_PHONE: dict[Change, ContactEvent] = {
    "added": "registered",
    "refreshed": "refreshed",
    "moved": "refreshed",
    "removed": "unregistered",
    "replaced": "unregistered",
    "expired": "expired",
}

# What live pages hear of it: there, or gone.
_SHOWN = {"moved": "refreshed", "replaced": "removed"}
_TYPES = {"added": "registration.created"}
_REASONS = {
    "refreshed": "The phone refreshed its registration",
    "moved": "The phone came back at another address",
    "replaced": "Another contact took its place",
    "removed": "The phone unregistered",
    "expired": "The phone did not refresh its registration in time",
}


def binding_event(binding: Binding, change: Change, wall: Callable[[float], float], reason: str = "") -> dict[str, Any]:
    """One fact about one binding; ``wall`` turns the loop clock into seconds since the epoch."""
    return {
        "id": binding.id,
        "aor": binding.aor,
        "contact": binding.contact,
        "q": binding.q,
        "expires_at": wall(binding.expires_at),
        "user_agent": binding.user_agent,
        "transport": binding.transport,
        "received_from": binding.received_from,
        "registered_by": binding.registered_by,
        "instance_id": binding.instance_id,
        "created_at": wall(binding.created_at),
        "refreshed_at": wall(binding.refreshed_at),
        "type": _TYPES.get(change) or f"registration.{change}",
        "change": _SHOWN.get(change, change),
        "reason": reason or _reason(binding, change),
    }


def _reason(binding: Binding, change: Change) -> str:
    if change != "added":
        return _REASONS[change]
    if not binding.registered_by:
        return "The phone registered; the domain asks for no password"
    if binding.registered_by != binding.aor:
        return f"Registered by {binding.registered_by}"
    return "The phone registered"


def reach_event(binding: Binding, *, is_reachable: bool, reason: str = "") -> dict[str, Any]:
    """The event that a contact stopped answering, or answers again."""
    return {
        "type": "registration.reachable" if is_reachable else "registration.unreachable",
        "subject": binding.aor,
        "data": {
            "id": binding.id,
            "contact": binding.contact,
            "user_agent": binding.user_agent,
            "transport": binding.transport,
            "received_from": binding.received_from,
            "reason": reason or "It answers again",
        },
    }


def auth_failure(domain: str, username: str, source: str, request: Request) -> dict[str, Any]:
    """The event ``auth.failed``: credentials that answered a challenge of ours, wrongly. Nothing of them is in it."""
    name = printable(username, 128)
    return {
        "type": "auth.failed",
        "subject": f"sip:{name}@{domain}",
        "data": {
            "source": source,
            "method": request.method,
            "user_agent": printable(request.first("user-agent") or "", 200),
            "reason": "The password is wrong, or there is no such user",
        },
    }
