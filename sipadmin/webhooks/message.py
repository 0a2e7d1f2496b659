"""A message as Standard Webhooks wants it: body, identity, signature, and when to try again. Pure.

https://www.standardwebhooks.com: ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``, which is the
base64 of HMAC-SHA256 over ``id.timestamp.body`` behind ``v1,``; secrets are ``whsec_`` and base64.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32
# Seconds until the next try after the first, second ... one: more than three days in all.
DELAYS = (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
JITTER = 0.2  # part of the delay that chance adds or takes, so that what failed together is not tried together
LONGEST_DELAY = 24 * 3600


def secret_text(key: bytes) -> str:
    return SECRET_PREFIX + base64.b64encode(key).decode()


def signature(key: bytes, message_id: str, timestamp: int, body: str) -> str:
    """Value of ``webhook-signature``; ``timestamp`` in seconds since the epoch, of this try."""
    signed = f"{message_id}.{timestamp}.{body}".encode()
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def headers_of(key: bytes, message_id: str, timestamp: int, body: str) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "User-Agent": "sipadmin-webhooks/1",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(key, message_id, timestamp, body),
    }


def body_of(type: str, at: datetime, subject: str, data: dict[str, Any], event_id: int | None = None) -> str:
    """``{"type", "timestamp", "data"}``; data are those of the event, with its id and subject."""
    facts = {"event_id": event_id, "subject": subject, **data}
    return json.dumps({"type": type, "timestamp": at.isoformat(), "data": facts}, separators=(",", ":"))


def delay_after(tries: int, chance: float, wished: float | None = None) -> float | None:
    """Seconds to wait after so many tries, None to give up. ``chance`` from 0 to below 1.

    ``wished``: what the receiver's Retry-After asks for, when that is longer; at most a day.
    """
    if tries > len(DELAYS):
        return None
    delay = DELAYS[tries - 1] * (1 - JITTER + 2 * JITTER * chance)
    if wished is not None:
        delay = max(delay, min(wished, LONGEST_DELAY))
    return delay
