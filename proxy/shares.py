"""Links by which outsiders see one call, masked: signed, expiring, revocable. Only the hash of a link is kept."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.core.signing import BadSignature, Signer
from django.utils import timezone

from proxy.models import CallAttempt, CallShare

DAYS = (1, 7, 30)  # how long a link may hold
LONGEST_TOKEN = 200  # characters; what is longer is none of ours


def signer() -> Signer:
    # The signature turns guesses away before they reach the database.
    return Signer(salt="sipadmin.call-share")


def hash_key(key: str) -> str:
    """SHA-256 as hex. The key has 128 random bits, so that a slow hash would add nothing."""
    return hashlib.sha256(key.encode()).hexdigest()


def share(attempt: CallAttempt, days: int, by: str) -> tuple[CallShare, str]:
    """A new link for a call: its row, and the token, which exists only here."""
    key = secrets.token_urlsafe(16)
    row = CallShare.objects.create(
        attempt=attempt, key_hash=hash_key(key), created_by=by, expires_at=timezone.now() + timedelta(days=days)
    )
    return row, signer().sign(key)


def forget_expired(using: str = "default") -> int:
    """Remove links that hold no more; how many."""
    return CallShare.objects.using(using).filter(expires_at__lt=timezone.now()).delete()[0]


def find_shared(token: str) -> CallShare | None:
    """The share of a token that still holds; the same None for forged, expired and revoked ones."""
    if len(token) > LONGEST_TOKEN:
        return None
    try:
        key = signer().unsign(token)
    except BadSignature:
        return None
    rows = CallShare.objects.filter(key_hash=hash_key(key), revoked_at=None, expires_at__gt=timezone.now())
    return rows.select_related("attempt").first()
