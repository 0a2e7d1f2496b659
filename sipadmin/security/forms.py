"""A ban by hand."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import forms
from django.utils import timezone

LENGTHS = {"1": "1 hour", "24": "1 day", "168": "1 week", "0": "until it is undone"}


class BanForm(forms.Form):
    source = forms.CharField(
        max_length=64,
        label="Address or network",
        help_text="192.0.2.9, 192.0.2.0/24; an IPv6 address counts as its /64.",
    )
    hours = forms.ChoiceField(choices=list(LENGTHS.items()), initial="24", label="For")
    reason = forms.CharField(max_length=300, required=False)

    def expires_at(self) -> datetime | None:
        hours = int(self.cleaned_data["hours"])
        return timezone.now() + timedelta(hours=hours) if hours else None
