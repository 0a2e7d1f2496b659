"""Filters of the console's templates."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from proxy.ladder.visible import visible
from sipadmin.dashboard import navigation

register = template.Library()


def as_moment(value: Any) -> datetime | None:
    """A datetime from a datetime or from seconds since 1970."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, UTC)
    return None


@register.filter
def moment(value: Any) -> SafeString | str:
    """A point in time as a <time> element: the clock today, the date before. page.js adds the local zone."""
    at = as_moment(value)
    if at is None:
        return ""
    shape = "%H:%M:%S" if at.date() == timezone.now().date() else "%Y-%m-%d %H:%M"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        at.isoformat(),
        at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        at.strftime(shape),
    )


@register.filter
def remaining(value: Any) -> SafeString | str:
    """Time until then, such as "59 m 12 s"; live.js counts it down."""
    at = as_moment(value)
    if at is None:
        return ""
    return format_html(
        '<time data-expires="{}" datetime="{}">{}</time>',
        f"{at.timestamp():.0f}", at.isoformat(), in_words((at - timezone.now()).total_seconds()),
    )  # fmt: skip


def in_words(seconds: float) -> str:
    """The same words as live.js."""
    whole = int(seconds)
    if whole <= 0:
        return "expired"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} m"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


@register.filter
def address(text: Any) -> str:
    """A SIP URI without its scheme and parameters, for people: ``sip:bob@example.org;x=y`` is bob@example.org."""
    return re.sub(r"^sips?:", "", str(text or ""), flags=re.IGNORECASE).partition(";")[0]


@register.filter
def is_behind_nat(facts: Any) -> bool:
    """Whether a binding's contact names another host than the packet came from."""
    if not isinstance(facts, dict) or not facts.get("received_from"):
        return False
    host = address(facts.get("contact")).rpartition("@")[2].partition(";")[0]
    return bool(host) and not str(facts["received_from"]).startswith(host.rpartition(":")[0] or host)


@register.filter
def ring_time(facts: Any) -> str:
    """How long a call rang, such as "4.2 s"; empty while it rings or where nothing rang. The same words as calls.js."""
    if not isinstance(facts, dict) or not facts.get("ringing_at") or not facts.get("ended_at"):
        return ""
    seconds = max(0.0, facts["ended_at"] - facts["ringing_at"])
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


@register.filter
def lookup(mapping: Any, key: Any) -> Any:
    """An entry of a dictionary; None without."""
    return mapping.get(key) if isinstance(mapping, dict) else None


@register.filter
def shown(text: Any) -> str:
    """Text from the wire without what would turn letters around or move a cursor."""
    return visible(str(text or ""))


def step_parts(step: Any) -> tuple[str, str]:
    """Text and section of one step of a decision record, whichever way it was stored."""
    if isinstance(step, dict):
        return str(step.get("text") or ""), str(step.get("section") or step.get("rule") or "")
    if isinstance(step, (list, tuple)):
        text, rule, section = (*map(str, step[:3]), "", "", "")[:3]
        return text, section or rule
    return str(step), ""


@register.filter
def step_text(step: Any) -> str:
    return step_parts(step)[0]


@register.filter
def step_rule(step: Any) -> str:
    section = step_parts(step)[1]
    return f"§{section}" if section[:1].isdigit() else section


@register.simple_tag
def rail() -> list[dict[str, Any]]:
    """The rail's entries with their addresses."""
    return navigation.entries(navigation.RAIL)


@register.simple_tag
def system_tabs() -> list[dict[str, Any]]:
    return navigation.entries(navigation.SYSTEM)
