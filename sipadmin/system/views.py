"""System: is everything well?"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.views.generic import TemplateView

from sipadmin.system import health


class HealthView(LoginRequiredMixin, TemplateView):
    """What runs, since when, and whether anything falls behind."""

    template_name = "system/health.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        facts = health.engine_facts()
        return {
            **super().get_context_data(**kwargs),
            "page": "system",
            "tab": "health",
            "checks": health.checks(facts),
            "facts": facts,
            "counters": health.counters(facts),
        }
