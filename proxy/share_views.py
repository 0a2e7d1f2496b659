"""Sharing a call with outsiders: making and revoking a link, and what it shows."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View

from proxy.call_views import call_context, export, find_attempt
from proxy.ladder.calls import Call
from proxy.ladder.exports import EXPORTS
from proxy.ladder.load import load_call
from proxy.ladder.sharing import shared_call
from proxy.models import CallShare
from proxy.shares import DAYS, find_shared, share
from sipadmin.accounts.roles import AdministratorRequired
from sipadmin.dashboard import snapshot


class ShareView(AdministratorRequired, View):
    """Makes a link and shows it, once."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: str) -> HttpResponse:
        attempt = find_attempt(int(pk))
        days = request.POST.get("days", "")
        if days not in {str(one) for one in DAYS}:
            return HttpResponse(
                "days must be one of " + ", ".join(map(str, DAYS)), status=422, content_type="text/plain"
            )
        row, token = share(attempt, int(days), request.user.get_username())
        link = request.build_absolute_uri(reverse("shared-call", args=[token]))
        response = render(request, "proxy/share_made.html", {"page": "calls", "link": link, "share": row})
        response["Cache-Control"] = "no-store"
        return response


class RevokeShareView(AdministratorRequired, View):
    """Ends a link at once."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: str, share_id: int) -> HttpResponse:
        row = get_object_or_404(CallShare, pk=share_id, attempt_id=int(pk), revoked_at=None)
        row.revoked_at = timezone.now()
        row.save()
        messages.success(request, "The link does not work any more.")
        return redirect("call", pk=pk)


@method_decorator(login_not_required, name="dispatch")
class Outside(View):
    """A page for whoever has the link: nothing about it is kept by browsers, passed on or found by search engines."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        response = super().dispatch(request, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    def call(self, token: str) -> Call | None:
        row = find_shared(token)
        if row is None:
            return None
        return shared_call(load_call(row.attempt, snapshot.call_facts(row.attempt), with_bodies=True))


class SharedCallView(Outside):
    """The masked call."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        call = self.call(token)
        if call is None:
            return render(request, "proxy/share_refused.html", status=404)
        exports = [(kind, found.label) for kind, found in EXPORTS.items()]
        return render(request, "proxy/shared_call.html", {"exports": exports, "token": token, **call_context(call)})


class SharedExportView(Outside):
    """The masked call as a file."""

    def get(self, request: HttpRequest, token: str, kind: str) -> HttpResponse:
        call = self.call(token)
        if call is None:
            raise Http404
        return export(call, kind, "shared-call")
