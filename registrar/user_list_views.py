"""The page that lists SIP users."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.paginator import Paginator
from django.db.models import Max
from django.views.generic import TemplateView

from registrar.bulk_forms import BulkForm
from registrar.bulk_views import UNDO_KEY
from registrar.models import Binding, Domain, SipUser
from registrar.user_list import STATES, UserFilter
from sipadmin.effective import effective_policies
from sipadmin.models import Event

ROWS = 50


class UsersView(LoginRequiredMixin, TemplateView):
    """All users, with search, filters and pages."""

    template_name = "registrar/users.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        query = self.request.GET
        wanted = UserFilter.read(query)
        pages = Paginator(wanted.users().order_by("domain__name", "username"), ROWS)
        found = pages.get_page(query.get("page"))
        users = list(found)
        seen = last_seen(users)
        policies = effective_policies(users)
        kept = query.copy()
        kept.pop("page", None)
        domains = list(Domain.objects.order_by("name")[:200])
        return {
            **super().get_context_data(**kwargs),
            "page": "users",
            "rows": [(user, policy, seen.get(user.pk)) for user, policy in zip(users, policies, strict=True)],
            "found": found,
            "kept": kept.urlencode(),
            "wanted": wanted,
            "states": [(state, label) for state, (_, label) in STATES.items()],
            "domains": domains,
            "export_domain": wanted.domain or (domains[0].name if len(domains) == 1 else ""),
            "has_filter": any(wanted),
            "bulk_form": BulkForm(initial={"policy_action": "inherit"}),
            "undo": self.request.session.get(UNDO_KEY),
        }


def last_seen(users: Sequence[SipUser]) -> dict[int, datetime]:
    """When a phone of each gave its last sign of life, by primary key: by a binding of now, or by the event log."""
    rows = Binding.objects.filter(user__in=users, is_static=False).order_by()
    live = rows.values_list("user").annotate(at=Max("refreshed_at"))
    seen: dict[int, datetime] = dict(live)
    gone = {user.aor: user.pk for user in users if user.pk not in seen}
    if gone:
        events = Event.objects.filter(subject__in=gone, type__startswith="registration.").order_by()
        events = events.exclude(type="registration.unreachable")
        for aor, at in events.values_list("subject").annotate(at=Max("ts")):
            seen[gone[aor]] = at
    return seen
