"""Bans, past and present, and from where administrators use the console."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class BanQuerySet(models.QuerySet):
    def in_force(self, now: datetime | None = None) -> BanQuerySet:
        """Neither lifted nor over."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now or timezone.now()), lifted_at=None)


class Ban(models.Model):
    """An address or network whose messages are passed over unread. Undoing it keeps the row: it is history."""

    source = models.CharField(max_length=64, help_text="192.0.2.9, 192.0.2.0/24, 2001:db8:1:2::/64")
    reason = models.CharField(max_length=300, blank=True)
    evidence = models.JSONField(default=list, blank=True, help_text="What led to it: at, kind, detail, points.")
    score = models.FloatField(default=0.0)
    made_by = models.CharField(max_length=200, blank=True, help_text="Who made it; empty: the server.")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: until it is undone.")
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.CharField(max_length=200, blank=True)

    objects = BanQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["lifted_at", "expires_at"], name="ban_in_force")]

    def __str__(self) -> str:
        return self.source

    @property
    def is_in_force(self) -> bool:
        return self.lifted_at is None and (self.expires_at is None or self.expires_at > timezone.now())


class ConsolePresence(models.Model):
    """An administrator who uses the console from an address: that one is never banned by itself."""

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    address = models.CharField(max_length=64)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "address"], name="presence_once")]

    def __str__(self) -> str:
        return f"{self.account} at {self.address}"


def seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def ban_facts(row: Ban) -> dict[str, Any]:
    """Arguments of ``sip.defence.bans.Ban``."""
    return {
        "source": row.source,
        "created_at": row.created_at.timestamp(),
        "expires_at": seconds(row.expires_at),
        "reason": row.reason,
        "score": row.score,
        "evidence": row.evidence,
        "made_by": row.made_by,
    }
