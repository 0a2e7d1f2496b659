"""Queries on bindings that have a name."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from registrar.models import Binding  # noqa: F401  named in the class line only


class BindingQuerySet(models.QuerySet["Binding"]):
    def live(self, now: datetime | None = None) -> BindingQuerySet:
        """Bindings that have not expired; expired rows stay until housekeeping (§10.3 step 8)."""
        return self.filter(expires_at__gt=now or timezone.now())
