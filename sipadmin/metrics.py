"""/metrics for Prometheus: what the engine tells over the bus, and what this process did itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from sipadmin.accounts.authentication import bearer_text
from sipadmin.accounts.roles import is_administrator
from sipadmin.accounts.tokens import TokenRefused, allows, find_token
from sipadmin.bus import EngineUnavailable, engine_command

SCOPE = "system:read"
# What is counted by name, and the family that the names become a label of.
REASONS = {
    "received": ("sip_dropped_messages", "Messages dropped or refused before a core saw them, by reason."),
    "registrar": ("sip_registrar_events", "What the registrar did, by event."),
    "proxy": ("sip_proxy_events", "What the proxy dropped without an answer, by event."),
    "security": ("sip_security_events", "What the guard did, by event."),
}
GAUGES = {
    ("counts", "bindings"): ("sip_bindings", "Contacts registered now."),
    ("counts", "records"): ("sip_registered_addresses", "Addresses-of-record with a contact."),
    ("counts", "users"): ("sip_users", "Users known to the engine."),
    ("counts", "domains"): ("sip_domains", "Domains known to the engine."),
    ("transactions",): ("sip_transactions", "Transactions that exist."),
    ("uptime",): ("sip_uptime_seconds", "Since the engine started."),
    ("lag",): ("sip_loop_lag_seconds", "How late the engine's loop was at its last look."),
    ("journal", "waiting"): ("sip_journal_waiting", "Changes of bindings not yet stored."),
    ("journal", "lag"): ("sip_journal_lag_seconds", "How long the oldest change of the last commit had waited."),
    ("recorder", "waiting"): ("sip_recorder_waiting", "Call attempts not yet written."),
    ("events", "waiting"): ("sip_event_log_waiting", "Events not yet written."),
    ("watching", "subscriptions"): ("sip_subscriptions", "Subscriptions to registrations."),
    ("bus", "pending"): ("sipadmin_bus_pending", "Objects whose change is not yet told to the web process."),
    ("bus", "watchers"): ("sipadmin_bus_watchers", "Web processes that listen."),
    ("bus", "behind"): ("sipadmin_bus_behind", "Web processes that do not keep up."),
}
COUNTERS = {
    ("journal", "commits"): ("sip_journal_commits", "Commits of bindings."),
    ("journal", "stored"): ("sip_journal_changes", "Changes in those commits; by commits it is the batch size."),
    ("journal", "failures"): ("sip_journal_failures", "Changes that could not be stored."),
    ("recorder", "written"): ("sip_recorder_writes", "Writes of call attempts."),
    ("recorder", "dropped"): ("sip_recorder_dropped", "Call attempts never written."),
    ("events", "written"): ("sip_event_log_writes", "Events written."),
    ("events", "dropped"): ("sip_event_log_dropped", "Events lost because the database fell behind."),
    ("events", "skipped"): ("sip_event_log_skipped", "Events of a frequent kind that were not kept."),
}

registry = CollectorRegistry()
ProcessCollector(registry=registry)
GCCollector(registry=registry)
web_requests = Counter(
    "sipadmin_web_requests", "Requests answered by this web process.", ["method", "view", "status"], registry=registry
)
web_seconds = Histogram(
    "sipadmin_web_request_seconds",
    "How long they took.",
    ["view"],
    registry=registry,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class EngineCollector(Collector):
    """Asks the engine each time; while it does not answer there is ``sip_up 0`` and nothing else of it."""

    def __init__(self, ask: Callable[[], dict[str, Any]]) -> None:
        self._ask = ask

    def describe(self) -> list[Metric]:
        return []  # not asked at the start, when there may be no engine

    def collect(self) -> Iterator[Metric]:
        try:
            facts = self._ask()
        except EngineUnavailable:
            facts = {}
        yield GaugeMetricFamily("sip_up", "Whether the engine answers.", value=1 if facts else 0)
        if facts:
            yield from engine_metrics(facts)


def engine_metrics(facts: dict[str, Any]) -> Iterator[Metric]:
    """The families of what `ping` answers. What an older engine does not tell is left out."""
    for families, kind in ((GAUGES, GaugeMetricFamily), (COUNTERS, CounterMetricFamily)):
        for path, (name, text) in families.items():
            value = at_path(facts, path)
            if value is not None:
                yield kind(name, text, value=value)
    messages = CounterMetricFamily("sip_messages", "SIP messages.", labels=["direction", "method", "kind"])
    for one in facts.get("wire", []):
        messages.add_metric([one["direction"], one["method"], one["kind"]], one["count"])
    yield messages
    for group, (name, text) in REASONS.items():
        family = CounterMetricFamily(name, text, labels=["name"])
        for label, count in facts.get(group, {}).items():
            # Those two are no reasons: the messages above tell it better.
            if isinstance(count, int | float) and not label.startswith(("request_", "answer_")):
                family.add_metric([label], count)
        yield family


def at_path(facts: dict[str, Any], path: tuple[str, ...]) -> float | None:
    value: Any = facts
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return float(value) if isinstance(value, int | float) else None


registry.register(EngineCollector(lambda: engine_command("ping", timeout=2.0)))


def measure(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: counts and times requests by view, so that no address makes a label of its own."""

    def answer(request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = get_response(request)
        match = request.resolver_match
        view = (match.view_name or match._func_path) if match is not None else "none"
        method = request.method if request.method in METHODS else "other"
        web_requests.labels(method, view, str(response.status_code)).inc()
        web_seconds.labels(view).observe(time.perf_counter() - started)
        return response

    return answer


def may_read(request: HttpRequest) -> bool:
    """This machine itself, a token that may, or an administrator's session.

    A request that another server passed on is not from this machine, whatever its address says.
    """
    text = bearer_text(request)
    if text is not None:
        try:
            return allows(find_token(text, source=request.META.get("REMOTE_ADDR", "")), SCOPE)
        except TokenRefused:
            return False
    if request.user.is_authenticated and is_administrator(request.user):
        return True
    if any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")):
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format."""
    if not may_read(request):
        text = f"Ask from this machine, or with a token that has the scope {SCOPE}.\n"
        return HttpResponse(text, status=403, content_type="text/plain")
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
