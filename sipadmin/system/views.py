"""System: is everything well?"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.views.generic import TemplateView

from sipadmin.dashboard.snapshot import listener_text
from sipadmin.system import health


class HealthView(LoginRequiredMixin, TemplateView):
    """What runs, since when, and whether anything falls behind."""

    template_name = "system/health.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        facts = health.engine_facts()
        shown = [] if "error" in facts else health.certificates()
        return {
            **super().get_context_data(**kwargs),
            "page": "system",
            "tab": "health",
            "checks": health.checks(facts, shown),
            "facts": facts,
            "listeners": [listener_text(listener) for listener in facts.get("listeners", [])],
            "certificates": shown,
            "counters": health.counters(facts),
        }
