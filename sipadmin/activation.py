"""After a save: is it active already? Says so only when the engine has answered."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest

from sipadmin.bus import EngineUnavailable, engine_command
from sipadmin.provisioning import ProvisioningError


def say_saved(request: HttpRequest, sentence: str = "Saved.") -> None:
    """Tell the administrator what was done and whether calls feel it already."""
    try:
        engine_command("poll_changes", timeout=1.0)
    except EngineUnavailable:
        messages.warning(request, f"{sentence} The engine is not running; it will apply at next start.")
    else:
        messages.success(request, f"{sentence} Active now on the engine.")


def add_errors(form: object, error: ProvisioningError, names: dict[str, str] | None = None) -> None:
    """Put a refusal of provisioning.py beside the fields of a form; what has no field goes on top."""
    for name, text in error.errors.items():
        field = (names or {}).get(name, name)
        form.add_error(field if field in form.fields else None, text)  # type: ignore[attr-defined]
