"""The methods of SIP: RFC 3261 and its extensions that phones use."""

from __future__ import annotations

METHODS = frozenset(
    {
        *("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER"),
        *("INFO", "PRACK", "UPDATE", "SUBSCRIBE", "NOTIFY", "PUBLISH", "REFER", "MESSAGE"),
    }
)
