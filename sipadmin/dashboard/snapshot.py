"""What the live pages show, read from the database in the shape of the engine's events."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from proxy.models import CallAttempt, CallBranch
from registrar.models import Binding, Domain, SipUser
from sipadmin.addresses import HostPort
from sipadmin.bus import EngineUnavailable, engine_command
from sipadmin.models import Event
from sipadmin.security.models import Ban

MOST_BINDINGS = 20_000  # on a live page: the browser holds them all and draws those in view
MOST_DRAWN = 200  # contacts in the page as the server sends it, which must open fast and work without scripts
MOST_CALLS = 50
UNFINISHED = ("trying", "ringing")
SUCCEEDED = ("answered", "redirected")
CHALLENGES = (401, 407)  # answers that ask for a password: the call comes again with it
MANY_CHANGES = 6  # of one registration within an hour: it flaps


def seconds(moment: Any) -> float | None:
    return None if moment is None else moment.timestamp()


def binding_facts(binding: Binding) -> dict[str, Any]:
    """As an event of kind "binding" has them."""
    return {
        "id": binding.pk,
        "aor": binding.user.aor,
        "name": binding.user.display_name,
        "contact": binding.contact,
        "q": binding.q,
        "expires_at": seconds(binding.expires_at),
        "user_agent": binding.user_agent,
        "transport": binding.transport,
        "received_from": binding.received_from,
        "registered_by": binding.registered_by,
        "instance_id": binding.instance_id,
        "created_at": seconds(binding.created_at),
        "refreshed_at": seconds(binding.refreshed_at),
    }


def branch_facts(branch: CallBranch) -> dict[str, Any]:
    return {
        "position": branch.position,
        "group": branch.group,
        "target": branch.target,
        "next_hop": branch.next_hop,
        "user_agent": branch.user_agent,
        "joined_late": branch.joined_late,
        "state": branch.state,
        "status": branch.status,
        "reason": branch.reason,
        "started_at": seconds(branch.started_at),
        "ended_at": seconds(branch.ended_at),
    }


def call_facts(attempt: CallAttempt) -> dict[str, Any]:
    """As an event of kind "call" has them."""
    plain = (
        "call_id", "caller", "callee", "source", "decision", "policy", "policy_origin", "state", "status", "reason",
        "explanation", "steps",
    )  # fmt: skip
    return {
        "id": attempt.pk,
        "conversation": attempt.conversation or attempt.pk,
        **{name: getattr(attempt, name) for name in plain},
        "started_at": seconds(attempt.started_at),
        "ringing_at": seconds(attempt.ringing_at),
        "ended_at": seconds(attempt.ended_at),
        "hung_up_at": seconds(attempt.hung_up_at),
        "branches": [branch_facts(branch) for branch in attempt.branches.all()],
    }


def matching_bindings(text: str = "") -> QuerySet[Binding]:
    """Live bindings whose AOR, contact, source or device holds ``text``."""
    bindings = Binding.objects.live().select_related("user__domain")
    name, at, domain = text.strip().partition("@")
    if at:
        return bindings.filter(user__username__icontains=name, user__domain__name__icontains=domain)
    if name:
        bindings = bindings.filter(
            Q(user__username__icontains=name)
            | Q(user__domain__name__icontains=name)
            | Q(contact__icontains=name)
            | Q(received_from__icontains=name)
            | Q(user_agent__icontains=name)
        )
    return bindings


_FACTS = (
    "id", "contact", "q", "user_agent", "transport", "received_from", "registered_by", "instance_id",
)  # fmt: skip
_MOMENTS = ("expires_at", "created_at", "refreshed_at")


def live_bindings(text: str = "", most: int = MOST_BINDINGS) -> list[dict[str, Any]]:
    """Facts as binding_facts has them, without building ten thousand model instances."""
    rows = (
        matching_bindings(text)
        .order_by("user__domain__name", "user__username", "-q", "-refreshed_at")
        .values_list("user__username", "user__domain__name", "user__display_name", *_MOMENTS, *_FACTS)[:most]
    )
    return [
        {
            "aor": f"sip:{username}@{domain}",
            "name": name,
            "expires_at": expires_at.timestamp(),
            "created_at": created_at.timestamp(),
            "refreshed_at": refreshed_at.timestamp(),
            **dict(zip(_FACTS, plain, strict=True)),
        }
        for username, domain, name, expires_at, created_at, refreshed_at, *plain in rows
    ]


def by_aor(bindings: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Grouped for one row per address-of-record; the order is kept."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for facts in bindings:
        groups.setdefault(facts["aor"], []).append(facts)
    return list(groups.items())


def recent_calls(most: int = MOST_CALLS) -> list[dict[str, Any]]:
    attempts = CallAttempt.objects.prefetch_related("branches").order_by("-started_at", "-id")
    return [call_facts(attempt) for attempt in attempts[:most]]


def engine_state() -> dict[str, Any]:
    """{"is_up", "sentence", "listeners", "version", "uptime", "counts", "traffic"}."""
    try:
        reply = engine_command("ping", timeout=1.0)
    except EngineUnavailable as error:
        return {
            "is_up": False, "sentence": str(error), "listeners": [], "uptime": None, "version": "", "counts": {},
            "traffic": None,
        }  # fmt: skip
    listeners = [listener_text(listener) for listener in reply.get("listeners", [])]
    return {
        "is_up": True,
        "sentence": "The SIP engine is running.",
        "listeners": listeners,
        "uptime": reply.get("uptime"),
        "version": reply.get("version", ""),
        "counts": reply.get("counts") or {},
        "traffic": reply.get("traffic"),
    }


def listener_text(listener: dict[str, Any]) -> str:
    """``tls 192.0.2.1:5061``, and what others call it where that differs."""
    address = str(HostPort(listener["host"], listener["port"]))
    advertised = listener.get("advertised") or address
    called = "" if advertised == address else f" as {advertised}"
    return f"{listener['protocol']} {address}{called}"


def figures() -> dict[str, Any]:
    """Numbers of the overview, and whether the engine is up. ``traffic``: the engine's last sample, None without."""
    engine = engine_state()
    hour = CallAttempt.objects.filter(started_at__gte=timezone.now() - timedelta(hours=1)).exclude(
        status__in=CHALLENGES
    )
    calls = hour.aggregate(
        all=Count("pk"),
        finished=Count("pk", filter=~Q(state__in=UNFINISHED)),
        succeeded=Count("pk", filter=Q(state__in=SUCCEEDED)),
    )
    counts = engine["counts"]
    return {
        "engine": {"is_up": engine["is_up"], "sentence": engine["sentence"]},
        # In memory the engine has them already; without it the database has the last that was true.
        "registered": counts.get("records") if counts else Binding.objects.live().values("user").distinct().count(),
        "contacts": counts.get("bindings") if counts else Binding.objects.live().count(),
        "calls_in_progress": CallAttempt.objects.filter(state__in=UNFINISHED).count(),
        "calls_last_hour": calls["all"],
        "success": f"{round(100 * calls['succeeded'] / calls['finished'])} %" if calls["finished"] else "–",
        "traffic": engine["traffic"],
    }


def last_failures(most: int) -> list[dict[str, Any]]:
    """Call attempts that did not reach anybody, newest first. A challenge is no failure."""
    failed = CallAttempt.objects.filter(state="failed").exclude(status__in=CHALLENGES).prefetch_related("branches")
    return [call_facts(attempt) for attempt in failed.order_by("-started_at")[:most]]


def security() -> dict[str, int]:
    """The overview's strip: wrong passwords within a day, and bans in force."""
    day = timezone.now() - timedelta(days=1)
    return {
        "failures": Event.objects.filter(type="auth.failed", ts__gte=day).count(),
        "bans": Ban.objects.in_force().count(),
    }


def traffic_history() -> dict[str, Any]:
    """Five minutes of samples for the charts; none while the engine is down."""
    try:
        return engine_command("history", timeout=1.0)
    except EngineUnavailable:
        return {"interval": 2.0, "samples": []}


def flapping(minutes: int = 60, least: int = MANY_CHANGES) -> dict[str, int]:
    """Addresses-of-record whose registration came and went ``least`` times or more, and how often."""
    types = ("registration.created", "registration.removed", "registration.expired", "registration.moved")
    recent = Event.objects.filter(type__in=types, ts__gte=timezone.now() - timedelta(minutes=minutes))
    rows = recent.values_list("subject").annotate(number=Count("pk")).filter(number__gte=least)
    return dict(rows.order_by())


def totals() -> dict[str, int]:
    return {"domains": Domain.objects.count(), "users": SipUser.objects.count()}
