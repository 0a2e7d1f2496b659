"""The overview."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.views.generic import TemplateView

from proxy.models import CallAttempt
from sipadmin.dashboard import snapshot


class OverviewView(LoginRequiredMixin, TemplateView):
    """Is it running, who is there, what happened last."""

    template_name = "dashboard/overview.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        totals = snapshot.totals()
        figures = snapshot.figures()
        has_calls = CallAttempt.objects.exists()
        return {
            **super().get_context_data(**kwargs),
            "page": "overview",
            "engine": snapshot.engine_state(),
            "figures": figures,
            "totals": totals,
            "has_calls": has_calls,
            "failures": snapshot.last_failures(6),
            "security": snapshot.security(),
            "history": json.dumps(snapshot.traffic_history()),
            "is_new": not (totals["users"] and figures["registered"] and has_calls),
        }
