"""What the console hears about bindings. Pure: facts in, JSON-able dictionaries out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from sip.location import Binding

Change = Literal["added", "refreshed", "removed", "expired"]

_REASONS = {
    "refreshed": "The phone refreshed its registration",
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
        "change": change,
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
