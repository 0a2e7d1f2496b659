"""Tells the engine and the trail what people change here."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import post_delete, post_save
from django.http import HttpRequest

from sipadmin.audit.trail import track
from sipadmin.changes import record_change
from sipadmin.security.models import Ban, ConsolePresence
from sipadmin.security.presence import forget


def connect() -> None:
    """Called once, when the apps are ready."""
    track(Ban, "ban", left_out=["evidence", "score"])
    for signal in (post_save, post_delete):
        signal.connect(note_ban, sender=Ban, dispatch_uid="security-ban")
    post_save.connect(note_presence, sender=ConsolePresence, dispatch_uid="security-presence")
    user_logged_out.connect(note_logout, dispatch_uid="security-logout")


def note_ban(sender: Any, **kwargs: Any) -> None:
    record_change("ban")


def note_presence(sender: Any, created: bool = False, **kwargs: Any) -> None:
    if created:
        record_change("ban")


def note_logout(sender: Any, request: HttpRequest | None, user: Any, **kwargs: Any) -> None:
    if user is None or request is None:
        return
    address = request.META.get("REMOTE_ADDR") or ""
    forget(user.pk, address)
    if ConsolePresence.objects.filter(account=user, address=address).delete()[0]:
        record_change("ban")
