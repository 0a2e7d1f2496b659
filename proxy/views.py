"""Live calls, one call in detail, the server's default policy."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views import View
from django.views.generic import TemplateView

from proxy.choices import LABELS
from proxy.forms import ServerPolicyForm
from proxy.models import CallAttempt, DeliveryPolicy
from sipadmin.accounts.roles import AdministratorWrites, is_administrator
from sipadmin.activation import add_errors, say_saved
from sipadmin.dashboard import snapshot
from sipadmin.policy_form import make_read_only
from sipadmin.provisioning import ProvisioningError, own_policy, set_policy


class CallsView(LoginRequiredMixin, TemplateView):
    """Call attempts, newest first, with their branches."""

    template_name = "proxy/calls.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "page": "calls", "calls": snapshot.recent_calls()}


class CallView(LoginRequiredMixin, TemplateView):
    """What was decided for one call, why, and what each branch did."""

    template_name = "proxy/call.html"

    def get_context_data(self, pk: int, **kwargs: Any) -> dict[str, Any]:
        attempt = get_object_or_404(CallAttempt.objects.prefetch_related("branches"), pk=pk)
        facts = snapshot.call_facts(attempt)
        return {**super().get_context_data(**kwargs), "page": "calls", "call": facts}


class ServerPolicyView(AdministratorWrites, View):
    """The server's default policy, and who overrides it."""

    template_name = "proxy/routing.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(request, ServerPolicyForm(initial=ServerPolicyForm.policy_initial(*own_policy(None))))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ServerPolicyForm(request.POST)
        if form.is_valid():
            try:
                set_policy(None, form.cleaned_data["policy"], form.cleaned_data["ring_time"])
            except ProvisioningError as error:
                add_errors(form, error, {"policy": "policy_argument"})
            else:
                say_saved(request)
                return redirect("routing")
        return self.page(request, form, status=422)

    def page(self, request: HttpRequest, form: ServerPolicyForm, status: int = 200) -> HttpResponse:
        if not is_administrator(request.user):
            make_read_only(form)
        rows = DeliveryPolicy.objects.select_related("domain", "user__domain")
        context = {
            "page": "routing",
            "form": form,
            "labels": LABELS.items(),
            "domain_rows": rows.filter(domain__isnull=False).order_by("domain__name")[:200],
            "user_rows": rows.filter(user__isnull=False).order_by("user__domain__name", "user__username")[:200],
            "user_row_count": rows.filter(user__isnull=False).count(),
        }
        return render(request, self.template_name, context, status=status)
