"""What the roof keeps: change notices for the engine, and the log of what happened."""

from datetime import timedelta

from django.db import models


class ConfigChange(models.Model):
    """A change notice that survives: written in the transaction of the change itself, by any process."""

    KINDS = ["domain", "user", "rule", "policy", "recording", "messages", "ban", "all"]

    kind = models.CharField(max_length=12, choices=[(kind, kind) for kind in KINDS])
    object_id = models.BigIntegerField(null=True, help_text="Primary key of a domain or user; empty: all of the kind.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id or 'all'}"


class Event(models.Model):
    """Something that happened, for timelines, programs and webhooks. ``type`` is one of sipadmin.event_types.TYPES.

    Ids grow with time, and are what a reader remembers to go on from.
    """

    ts = models.DateTimeField(db_index=True)
    type = models.CharField(max_length=40)
    subject = models.CharField(max_length=400, blank=True, help_text="Whom it is about: sip:bob@example.org")
    data = models.JSONField(default=dict)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["subject", "id"], name="event_by_subject"),
            models.Index(fields=["type", "id"], name="event_by_type"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.subject}"


class AuditEntry(models.Model):
    """A change somebody made. Only written by sipadmin.audit, never changed by people; ``changes`` holds no secret."""

    ts = models.DateTimeField(db_index=True)
    actor = models.CharField(max_length=200, blank=True, help_text="Account, token or command; empty for strangers.")
    source = models.CharField(max_length=64, blank=True, help_text="Address of the client.")
    action = models.CharField(max_length=40, help_text="user.changed, domain.deleted, login.failed ...")
    subject = models.CharField(max_length=400, blank=True, help_text="bob@example.org")
    changes = models.JSONField(default=dict, help_text="{field: [before, after]}")
    reason = models.CharField(max_length=500, blank=True, help_text="As given in X-Change-Reason.")
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["subject", "id"], name="audit_by_subject")]

    def __str__(self) -> str:
        return f"{self.actor}: {self.action} {self.subject}"


class PhoneLink(models.Model):
    """Sets up one phone of one user, once. The password in it is sealed with the link's own text."""

    user = models.ForeignKey("registrar.SipUser", on_delete=models.CASCADE, related_name="phone_links")
    token_hash = models.CharField(max_length=64, unique=True)
    sealed_password = models.BinaryField()
    server = models.CharField(max_length=300, help_text="SIP URI that the phone registers through.")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"phone link of {self.user}"


class KeptAnswer(models.Model):
    """The answer to a request with an Idempotency-Key, sealed with what the client showed; see rest.idempotency."""

    KEPT = timedelta(hours=24)

    key_hash = models.CharField(max_length=64, unique=True)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0, help_text="0 while the request runs.")
    sealed = models.BinaryField(default=b"")
    created_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"answer of {self.created_at:%Y-%m-%d %H:%M}"
