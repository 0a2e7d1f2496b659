"""The overview."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.views.generic import TemplateView

from sipadmin.dashboard import snapshot


class OverviewView(LoginRequiredMixin, TemplateView):
    """Is it running, who is there, what happened last."""

    template_name = "dashboard/overview.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        totals = snapshot.totals()
        figures = snapshot.figures()
        calls = snapshot.recent_calls(8)
        return {
            **super().get_context_data(**kwargs),
            "page": "overview",
            "engine": snapshot.engine_state(),
            "figures": figures,
            "totals": totals,
            "calls": calls,
            "latest": snapshot.latest_bindings(6),
            "is_new": not (totals["users"] and calls),
        }
