"""One call in detail: why it went as it did, every message of it, and its exports."""

from __future__ import annotations

import time
from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.views import View
from django.views.generic import TemplateView

from proxy.ladder import svg
from proxy.ladder.calls import BODY_NOT_KEPT, Call, has_unkept_body
from proxy.ladder.differences import lines_of, origin_of
from proxy.ladder.exports import EXPORTS
from proxy.ladder.layout import lay_out
from proxy.ladder.load import load_call
from proxy.ladder.timings import timings
from proxy.ladder.visible import visible, visible_lines
from proxy.models import CallAttempt, CallShare
from proxy.shares import DAYS
from sipadmin.accounts.roles import is_administrator
from sipadmin.dashboard import snapshot

# A file that somebody opens from the browser's own list still runs nothing.
FILE_POLICY = "default-src 'none'; sandbox"


WRITTEN_WITHIN = 5.0  # seconds; call attempts are written twice a second


def find_attempt(pk: int) -> CallAttempt:
    return get_object_or_404(CallAttempt.objects.prefetch_related("branches"), pk=pk)


def read_call(pk: int, *, with_bodies: bool) -> Call:
    attempt = find_attempt(pk)
    return load_call(attempt, snapshot.call_facts(attempt), with_bodies=with_bodies)


def call_context(call: Call) -> dict[str, Any]:
    """What the templates need of a call: ladder, messages and times."""
    ladder = lay_out(call)
    first = call.messages[0].at if call.messages else 0.0
    return {
        "call": call.facts,
        "timings": timings(call.facts),
        # Every text in it went through html.escape.
        "heads": mark_safe(svg.heads(ladder)),
        "ladder": mark_safe(svg.body(ladder)),
        "trace": [message_context(message, call, first) for message in call.messages],
    }


def message_context(message: Any, call: Call, first: float) -> dict[str, Any]:
    origin = origin_of(message, call.messages)
    lines = lines_of(message, origin)
    return {
        "sequence": message.sequence,
        "offset": f"{message.at - first:+.3f}",
        "at": message.at,
        "is_received": message.is_received,
        "is_repeated": message.is_repeated,
        "kind": message.kind,
        "label": visible(message.label, 80),
        "transport": message.transport.upper(),
        "remote": message.remote,
        "local": message.local,
        "has_sdp": message.has_sdp,
        "size": message.size,
        "lines": lines,
        "origin": origin.sequence if origin else None,
        "changes": sum(bool(line.change) for line in lines),
        "is_own": not message.is_received and origin is None,
        "body": "\n".join(visible_lines(message.body)),
        "note": message.note or (BODY_NOT_KEPT if has_unkept_body(message) else ""),
    }


class CallView(LoginRequiredMixin, TemplateView):
    """What was decided for one call, why, what each branch did, and what was said. The live page reads it again."""

    template_name = "proxy/call.html"

    def get_context_data(self, pk: str, **kwargs: Any) -> dict[str, Any]:
        call = read_call(int(pk), with_bodies=is_administrator(self.request.user))
        shares = CallShare.objects.filter(attempt_id=int(pk), revoked_at=None, expires_at__gt=timezone.now())
        return {
            **super().get_context_data(**kwargs),
            "page": "calls",
            "exports": [(kind, found.label) for kind, found in EXPORTS.items()],
            "shares": shares.order_by("-expires_at") if is_administrator(self.request.user) else [],
            "share_days": DAYS,
            **call_context(call),
        }

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().get(request, *args, **kwargs)
        except Http404:
            # The id is the time of the start in microseconds. Live pages tell of a call before it is written.
            if not 0 <= time.time() - int(kwargs["pk"]) / 1_000_000 < WRITTEN_WITHIN:
                raise
        response = render(request, "proxy/call_soon.html", {"page": "calls"}, status=202)
        response["Refresh"] = "1"
        return response


class CallExportView(LoginRequiredMixin, View):
    """The call as a file."""

    def get(self, request: HttpRequest, pk: int, kind: str) -> HttpResponse:
        return export(read_call(pk, with_bodies=is_administrator(request.user)), kind, f"call-{pk}")


def export(call: Call, kind: str, name: str) -> HttpResponse:
    """A download. Http404 when there is no such kind."""
    found = EXPORTS.get(kind)
    if found is None:
        raise Http404(kind)
    response = HttpResponse(found.make(call), content_type=found.content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    response["Content-Security-Policy"] = FILE_POLICY
    response["Cache-Control"] = "no-store"
    return response
