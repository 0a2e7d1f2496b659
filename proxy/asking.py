"""Asks the engine what would happen: for the page and the API."""

from __future__ import annotations

from typing import Any

from proxy.models import RoutingRule
from sipadmin import bus

ANONYMOUS = "sip:anonymous@anonymous.invalid"  # RFC 3323 §4.1.1.3


class BadQuestion(ValueError):
    """The engine has looked at it and cannot answer; the text says what would be right."""


def as_uri(text: str) -> str:
    """A URI from what people type: ``bob@example.org`` or a whole URI. Empty is nobody who is known."""
    text = text.strip()
    if not text:
        return ANONYMOUS
    return text if text.lower().startswith(("sip:", "sips:", "tel:")) else f"sip:{text}"


def ask(
    caller: str,
    callee: str,
    method: str = "INVITE",
    source: str = "",
    at: str | None = None,
    draft: dict[str, Any] | None = None,
    protocol: str = "udp",
) -> dict[str, Any]:
    """Facts as ``sipadmin.engine.simulation.simulate`` gives them; BadQuestion, EngineUnavailable. Blocking."""
    arguments = {
        "from": as_uri(caller),
        "to": as_uri(callee),
        "method": method or "INVITE",
        "source": source,
        "protocol": protocol,
        "at": at,
        "draft": draft,
    }
    facts = bus.engine_command("simulate", **arguments)
    if "problem" in facts:
        raise BadQuestion(facts["problem"])
    return facts


def rule_columns(rule: RoutingRule) -> dict[str, Any]:
    """A rule, saved or not, as it goes to the engine."""
    return {
        field.attname: getattr(rule, field.attname)
        for field in RoutingRule._meta.concrete_fields
        if field.attname not in ("created_at", "updated_at")
    }
