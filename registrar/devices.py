"""What pages and API tell of the phone behind a binding: device, flow, address of its own, and whether it answers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from registrar.models import Binding
from sip.gruu import public
from sipadmin.bus import EngineUnavailable, engine_command

LOOK_TIMEOUT = 1.0  # seconds; a page is not to wait for what is only a remark
_MOMENTS = ("answered_at", "failed_at")


def reach_of(bindings: Iterable[Binding]) -> dict[int, dict[str, Any]]:
    """What the engine knows of each, by id: reachable, round_trip (seconds), last_answer (status), answered_at,
    failed_at, failures, reason. Nothing of those that it has not heard of, nor of any while it is down."""
    ids = [binding.pk for binding in bindings if not binding.is_static]
    if not ids:
        return {}
    try:
        found = engine_command("reachability", timeout=LOOK_TIMEOUT, ids=ids)
    except EngineUnavailable:
        return {}
    known = {int(binding_id): dict(facts) for binding_id, facts in found.items()}
    for facts in known.values():
        for name in _MOMENTS:
            if facts[name] is not None:
                facts[name] = datetime.fromtimestamp(facts[name], UTC)
    return known


def public_gruu(binding: Binding) -> str | None:
    """The address that leads to this phone only (RFC 5627), where it has one."""
    has_one = binding.instance_id and binding.user.domain.gruu and binding.contact[:3].lower() == "sip"
    return public(binding.user.aor, binding.instance_id) if has_one else None


def flow_text(binding: Binding) -> str | None:
    """Which way its REGISTER came, such as ``tcp:192.0.2.9:41234``; nothing of a static contact."""
    return None if binding.is_static else f"{binding.transport}:{binding.received_from}"


def device_facts(binding: Binding, reach: dict[str, Any] | None) -> dict[str, Any]:
    """For a page: lines that are empty where there is nothing to tell."""
    return {
        "instance_id": binding.instance_id,
        "reg_id": binding.reg_id,
        "gruu": public_gruu(binding),
        "is_outbound": binding.is_outbound,
        "has_facts": bool(reach or binding.instance_id or binding.is_outbound),
        "reach": reach,
        "round_trip_ms": None if reach is None or reach["round_trip"] is None else round(reach["round_trip"] * 1000, 1),
    }
