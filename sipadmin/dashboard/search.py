"""One search over everything that has a page: users, domains, registered phones, call attempts."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import Q
from django.views.generic import TemplateView

from proxy.models import CallAttempt
from registrar.models import Domain, SipUser
from sipadmin.dashboard import snapshot

MOST = 10  # of each kind: what is looked for is typed on
LONGEST = 200


class SearchView(LoginRequiredMixin, TemplateView):
    """What matches, by kind; the first letters of a name are enough."""

    template_name = "dashboard/search.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        text = self.request.GET.get("q", "").strip()[:LONGEST]
        found = search(text) if text else {}
        return {**super().get_context_data(**kwargs), "q": text, "has_found": any(found.values()), **found}


def search(text: str) -> dict[str, Any]:
    name, at, domain = text.removeprefix("sip:").partition("@")
    users = SipUser.objects.select_related("domain").filter(
        Q(username__istartswith=name, domain__name__istartswith=domain)
        if at
        else Q(username__istartswith=name) | Q(display_name__icontains=text) | Q(aliases__name__istartswith=name)
    )
    calls = CallAttempt.objects.filter(
        Q(call_id=text)
        | Q(caller__icontains=text.removeprefix("sip:"))
        | Q(callee__icontains=text.removeprefix("sip:"))
    )
    return {
        "users": list(users.distinct().order_by("username", "domain__name")[:MOST]),
        "domains": list(
            Domain.objects.filter(Q(name__icontains=text) | Q(aliases__name__icontains=text)).distinct()[:MOST]
        ),
        "bindings": snapshot.live_bindings(text, MOST),
        "calls": list(calls.order_by("-started_at")[:MOST]),
    }
