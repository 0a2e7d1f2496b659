"""What changed in the configuration, in order: the engine reads on from the last row it knows."""

from django.db import models


class ConfigChange(models.Model):
    """A change notice that survives: written in the transaction of the change itself, by any process."""

    KINDS = ["domain", "user", "rule", "policy", "all"]

    kind = models.CharField(max_length=12, choices=[(kind, kind) for kind in KINDS])
    object_id = models.BigIntegerField(null=True, help_text="Primary key of a domain or user; empty: all of the kind.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id or 'all'}"
