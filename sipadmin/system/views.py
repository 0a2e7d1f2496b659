"""System: health, audit, settings, backups. Accounts and tokens are in sipadmin/accounts."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.generic import TemplateView

from sipadmin.accounts.roles import AdministratorRequired
from sipadmin.audit.trail import record
from sipadmin.dashboard.snapshot import listener_text
from sipadmin.models import AuditEntry
from sipadmin.system import backups, health
from sipadmin.system.settings_table import settings_rows

ENTRIES = 50  # audit entries on a page


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


class AuditView(AdministratorRequired, TemplateView):
    """Who changed what, from what to what, from where and why."""

    template_name = "system/audit.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        query = self.request.GET
        text, action = query.get("q", "").strip()[:400], query.get("action", "").strip()[:40]
        entries = AuditEntry.objects.order_by("-id")
        if text:
            entries = entries.filter(Q(subject__icontains=text) | Q(actor__icontains=text) | Q(source=text))
        if action:
            entries = entries.filter(action__startswith=action)
        kept = query.copy()
        kept.pop("page", None)
        return {
            **super().get_context_data(**kwargs),
            "page": "system",
            "tab": "audit",
            "found": Paginator(entries, ENTRIES).get_page(query.get("page")),
            "kept": kept.urlencode(),
            "q": text,
            "action": action,
            "kinds": ["user", "domain", "policy", "routing-rule", "account", "token", "login", "ban", "webhook"],
        }


class SettingsView(AdministratorRequired, TemplateView):
    """What holds, and where it is changed."""

    template_name = "system/settings.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "page": "system", "tab": "settings", "rows": settings_rows()}


@method_decorator(never_cache, name="dispatch")
class BackupView(AdministratorRequired, View):
    """Copies of the database: make one, take one away."""

    def get(self, request: HttpRequest) -> HttpResponse:
        context = {"page": "system", "tab": "backup", "backups": backups.there(), "data": settings.DATA_DIR}
        return render(request, "system/backup.html", context)

    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            made = backups.make()
        except backups.CannotBackUp as error:
            messages.error(request, str(error))
        else:
            record("backup.created", made.name)
            messages.success(request, f"{made.name} is there.")
        return redirect("backup")


@method_decorator(never_cache, name="dispatch")
class DownloadBackupView(AdministratorRequired, View):
    """A backup as a file. It holds everything, hashes of passwords too; the trail says who took it."""

    def get(self, request: HttpRequest, name: str) -> FileResponse:
        path = backups.find(name)
        if path is None:
            raise Http404("There is no backup of this name.")
        record("backup.taken", name)
        return FileResponse(path.open("rb"), as_attachment=True, filename=name)
