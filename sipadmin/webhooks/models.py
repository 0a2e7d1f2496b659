"""Where events are sent, and what became of each."""

from __future__ import annotations

from django.db import models


class Webhook(models.Model):
    """An address that wants events. The signing secret is kept sealed: it has to be known to sign."""

    name = models.CharField(max_length=80, unique=True)
    url = models.CharField(max_length=500)
    types = models.JSONField(default=list, help_text="Types of events, such as registration.*; empty: all.")
    domain = models.CharField(max_length=253, blank=True, help_text="Only what is about users of this domain.")
    sealed_secret = models.BinaryField(editable=False)
    enabled = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=300, blank=True, help_text="Why the server itself disabled it.")
    last_event_id = models.BigIntegerField(default=0, editable=False, help_text="Events up to this one are queued.")
    failing_since = models.DateTimeField(null=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """One message to one webhook. ``message_id`` stays the same however often it is sent, so that it can be told."""

    WAITING, DELIVERED, FAILED = "waiting", "delivered", "failed"

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    message_id = models.CharField(max_length=64)
    event_id = models.BigIntegerField(null=True, help_text="Empty for a test.")
    type = models.CharField(max_length=40)
    body = models.TextField()
    state = models.CharField(max_length=12, default=WAITING)
    attempts = models.JSONField(default=list, help_text="Each try: at, status, error, ms.")
    next_attempt_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["state", "next_attempt_at"], name="delivery_due"),
            models.Index(fields=["webhook", "id"], name="delivery_by_webhook"),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} to {self.webhook_id}: {self.state}"
