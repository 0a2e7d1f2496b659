"""The one row of recording settings: read, changed, and what it costs."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from proxy.models import RecordingSettings
from proxy.trace.levels import RecordingRules
from proxy.trace.rows import MEGABYTE, load_rules, stored

BYTES_OF_A_CALL = 12_000  # thirteen messages with SDP and their rows; half of it without SDP


def save_rules(**changes: Any) -> RecordingRules:
    """Change some of the settings; the engine follows by itself. The values must be valid for the model."""
    with transaction.atomic():
        row = RecordingSettings.objects.select_for_update().order_by("pk").first() or RecordingSettings()
        for name, value in changes.items():
            setattr(row, name, value)
        row.full_clean()
        row.save()
    return load_rules()


def cost() -> dict[str, Any]:
    """What the messages take: {"messages", "calls", "bytes", "bytes_of_a_call", "calls_that_fit"}."""
    used = stored()
    each = used["bytes"] // used["calls"] if used["calls"] else BYTES_OF_A_CALL
    return {
        "messages": used["messages"],
        "calls": used["calls"],
        "bytes": used["bytes"],
        "bytes_of_a_call": each,
        "calls_that_fit": load_rules().message_megabytes * MEGABYTE // each,
    }
