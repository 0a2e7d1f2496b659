"""Registrations that are flows: which REGISTER makes one, and why one cannot (RFC 5626 §6). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from sip.message.address import Address
from sip.message.messages import Request

OPTION = "outbound"
FIRST_HOP_LACKS = (439, "First Hop Lacks Outbound Support")


def is_direct(request: Request) -> bool:
    """Whether the REGISTER came from the phone itself: nobody but the phone has put a Via there."""
    return len(request.values("via")) == 1


def is_flow_assured(request: Request, path: Sequence[str]) -> bool:
    """Whether requests will find the flow again: it ends here, or at an edge proxy that says so.

    The edge proxy is the first hop, so its Path value is the last one. BadMessage when that value is malformed.
    """
    return is_direct(request) or (bool(path) and "ob" in Address.parse(path[-1]).uri.params)
