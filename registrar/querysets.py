"""Queries on bindings that have a name."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from registrar.models import Binding, StaticContact  # noqa: F401  Binding is named in the class line only


class BindingQuerySet(models.QuerySet["Binding"]):
    def live(self, now: datetime | None = None) -> BindingQuerySet:
        """Bindings that have not expired; expired rows stay until housekeeping (§10.3 step 8). Static contacts are
        not registered, and left out."""
        return self.filter(expires_at__gt=now or timezone.now(), is_static=False)

    def reachable(self) -> BindingQuerySet:
        """Live bindings and static contacts: all that calls can go to."""
        return self.filter(expires_at__gt=timezone.now())


class StaticManager(models.Manager["StaticContact"]):
    def get_queryset(self) -> models.QuerySet[StaticContact]:
        return super().get_queryset().filter(is_static=True)
