"""What runs and how it goes: GET /system/ and /stats/."""

from __future__ import annotations

import os
import platform
from datetime import timedelta
from typing import Any

import django
from django.conf import settings
from django.db import connection
from django.db.models import Count, F, QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from proxy.models import CallAttempt
from registrar.models import Binding, Domain, SipUser
from sipadmin.bootstrap import VERSION
from sipadmin.checks import readiness
from sipadmin.models import Event

LONGEST_WINDOW = 7 * 86400
MOST_MEASURED = 10_000  # call attempts whose times are sorted; the newest


class DatabaseSerializer(serializers.Serializer):
    engine = serializers.CharField(help_text="sqlite or postgresql")
    bytes = serializers.IntegerField(allow_null=True, help_text="Size of the file; null where there is none.")


class SystemSerializer(serializers.Serializer):
    """``engine`` is what the SIP process tells of itself; empty while it does not answer."""

    version = serializers.CharField()
    status = serializers.ChoiceField(choices=["ready", "not ready"])
    checks = serializers.DictField(child=serializers.CharField())
    python = serializers.CharField()
    django = serializers.CharField()
    web_process = serializers.IntegerField(help_text="Process id of the web process that answered.")
    database = DatabaseSerializer()
    engine = serializers.DictField(help_text="Listeners, counters, queues; uptime and lag in seconds.")


class SystemView(APIView):
    """Version, health and the engine's own account."""

    scope = "system"

    @extend_schema(responses=SystemSerializer, operation_id="system")
    def get(self, request: Request) -> Response:
        answer = readiness.ask()
        facts = {
            "version": VERSION,
            "status": answer["status"],
            "checks": answer["checks"],
            "python": platform.python_version(),
            "django": django.get_version(),
            "web_process": os.getpid(),
            "database": {"engine": connection.vendor, "bytes": database_bytes()},
            "engine": answer["engine"],
        }
        return Response(facts)


def database_bytes() -> int | None:
    if connection.vendor != "sqlite":
        return None
    try:
        return os.stat(settings.DATABASES["default"]["NAME"]).st_size
    except OSError:
        return None


class PercentilesSerializer(serializers.Serializer):
    """Milliseconds; null when nothing was measured."""

    p50 = serializers.IntegerField(allow_null=True)
    p95 = serializers.IntegerField(allow_null=True)
    p99 = serializers.IntegerField(allow_null=True)


class CallStatsSerializer(serializers.Serializer):
    in_progress = serializers.IntegerField()
    total = serializers.IntegerField(help_text="Call attempts that began within the window.")
    by_state = serializers.DictField(child=serializers.IntegerField())
    by_status = serializers.DictField(child=serializers.IntegerField(), help_text="Final responses.")
    per_minute = serializers.FloatField()
    answered_ratio = serializers.FloatField(allow_null=True, help_text="Answered, of all but redirects.")
    setup_ms = PercentilesSerializer(help_text="From the INVITE to the first phone that rings.")
    answer_ms = PercentilesSerializer(help_text="From the INVITE to the final response of answered calls.")


class StatsSerializer(serializers.Serializer):
    """Numbers of now and of the window that ends now."""

    window = serializers.IntegerField(help_text="Seconds.")
    domains = serializers.IntegerField()
    users = serializers.IntegerField()
    registered_users = serializers.IntegerField()
    contacts = serializers.IntegerField()
    calls = CallStatsSerializer()
    events = serializers.DictField(child=serializers.IntegerField(), help_text="Events of the window by type.")


class StatsView(APIView):
    """Counters, rates and percentiles."""

    scope = "system"

    @extend_schema(
        responses=StatsSerializer,
        operation_id="stats",
        parameters=[
            OpenApiParameter(
                "window", int, description=f"Seconds, 1 to {LONGEST_WINDOW}; an hour when it is not given."
            )
        ],
    )
    def get(self, request: Request) -> Response:
        window = parse_window(request)
        since = timezone.now() - timedelta(seconds=window)
        live = Binding.objects.live()
        events = Event.objects.filter(ts__gte=since).values_list("type").annotate(Count("id")).order_by()
        return Response(
            {
                "window": window,
                "domains": Domain.objects.count(),
                "users": SipUser.objects.count(),
                "registered_users": live.values("user").distinct().count(),
                "contacts": live.count(),
                "calls": call_stats(CallAttempt.objects.filter(started_at__gte=since), window),
                "events": dict(events),
            }
        )


def parse_window(request: Request) -> int:
    unknown = sorted(set(request.query_params) - {"window"})
    if unknown:
        raise ValidationError(dict.fromkeys(unknown, "is not a parameter; there is window"))
    text = request.query_params.get("window", "3600")
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= LONGEST_WINDOW):
        raise ValidationError({"window": f"must be seconds from 1 to {LONGEST_WINDOW}"})
    return int(text)


def call_stats(attempts: QuerySet, window: int) -> dict[str, Any]:
    by_state = dict(attempts.values_list("state").annotate(Count("id")).order_by())
    by_status = dict(attempts.exclude(status=None).values_list("status").annotate(Count("id")).order_by())
    total = sum(by_state.values())
    answered = by_state.get("answered", 0)
    judged = answered + by_state.get("failed", 0) + by_state.get("cancelled", 0)
    return {
        "in_progress": CallAttempt.objects.filter(ended_at=None).count(),
        "total": total,
        "by_state": by_state,
        "by_status": {str(status): count for status, count in sorted(by_status.items())},
        "per_minute": round(total * 60 / window, 3),
        "answered_ratio": round(answered / judged, 4) if judged else None,
        "setup_ms": percentiles(attempts.exclude(ringing_at=None), "ringing_at"),
        "answer_ms": percentiles(attempts.filter(state="answered").exclude(ended_at=None), "ended_at"),
    }


def percentiles(attempts: QuerySet, end: str) -> dict[str, int | None]:
    """Of the time from the start to ``end``, over the newest MOST_MEASURED."""
    rows = attempts.order_by("-started_at").values_list("started_at", F(end))[:MOST_MEASURED]
    sorted_ms = sorted(int((end_at - start_at).total_seconds() * 1000) for start_at, end_at in rows)
    return {f"p{part}": nearest_rank(sorted_ms, part) for part in (50, 95, 99)}


def nearest_rank(values: list[int], part: int) -> int | None:
    return values[max(0, -(-len(values) * part // 100) - 1)] if values else None
