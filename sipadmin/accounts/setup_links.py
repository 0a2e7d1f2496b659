"""One-time set-up links: whoever opens one first may create the first administrator."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from sipadmin.accounts.models import SetupLink

LIFETIME = timedelta(minutes=60)


class LinkRefused(ValueError):
    """The link opens nothing. It never says why: used, expired and invented look the same."""


def has_administrator() -> bool:
    return get_user_model().objects.filter(is_superuser=True, is_active=True).exists()


def hash_link(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def make_setup_link(now: datetime | None = None) -> str:
    """Text of a new link, for ``/setup/<text>``. Earlier links stop working."""
    now = now or timezone.now()
    text = secrets.token_urlsafe(32)
    with transaction.atomic():
        SetupLink.objects.all().delete()
        SetupLink.objects.create(token_hash=hash_link(text), expires_at=now + LIFETIME)
    return text


def is_live(text: str, now: datetime | None = None) -> bool:
    now = now or timezone.now()
    return SetupLink.objects.filter(token_hash=hash_link(text), used_at=None, expires_at__gt=now).exists()


def create_first_administrator(text: str, username: str, password: str, now: datetime | None = None) -> Any:
    """The administrator whom this link creates; LinkRefused when the link does not work any more."""
    now = now or timezone.now()
    with transaction.atomic():
        # The update is the lock: of two visitors with one link only one changes the row.
        used = SetupLink.objects.filter(
            token_hash=hash_link(text), used_at=None, expires_at__gt=now
        ).update(used_at=now)  # fmt: skip
        if not used:
            raise LinkRefused("This link does not work.")
        return get_user_model().objects.create_superuser(username=username, password=password)
