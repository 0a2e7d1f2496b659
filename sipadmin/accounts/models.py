"""API tokens and the one-time set-up link. Console accounts are Django's own users."""

from __future__ import annotations

from django.conf import settings
from django.db import models

SCOPES = [
    "domains:read", "domains:write", "users:read", "users:write", "bindings:read", "bindings:write",
    "routing:read", "routing:write", "calls:read",
    "events:read", "audit:read", "operators:read", "operators:write", "tokens:read", "tokens:write",
    "webhooks:read", "webhooks:write", "system:read",
    "security:read", "security:write",
]  # fmt: skip

RATE_LIMIT = 600  # requests a minute: enough for a busy script, and one token cannot take the server from the others
HIGHEST_RATE_LIMIT = 1_000_000  # more than the server can answer: no limit, in fact
MOST_NETWORKS = 50  # each is compared with the address of each request


class ApiToken(models.Model):
    """``Bearer sipa_<key>.<secret>``: only the secret's SHA-256 is kept, the token is shown once."""

    name = models.CharField(max_length=80, unique=True)
    key = models.CharField(max_length=16, unique=True, editable=False)
    secret_hash = models.CharField(max_length=64, editable=False)
    scopes = models.JSONField(default=list, help_text="Empty: every scope.")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="api_tokens")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    is_revoked = models.BooleanField(default=False)
    networks = models.JSONField(default=list, help_text="Where it may be used; empty: anywhere.")
    rate_limit = models.PositiveIntegerField(default=RATE_LIMIT, help_text="Requests a minute.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SetupLink(models.Model):
    """Lets the first visitor with the link create the first administrator: one use, one hour, kept hashed."""

    token_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"set-up link until {self.expires_at:%H:%M}"
