"""Live calls, and the server's default policy."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views import View
from django.views.generic import TemplateView

from proxy.api.stored_messages import remove_stored
from proxy.choices import LABELS
from proxy.forms import ServerPolicyForm
from proxy.models import CallAttempt, DeliveryPolicy, RoutingRule, StoredMessage
from sipadmin.accounts.roles import AdministratorRequired, AdministratorWrites, is_administrator
from sipadmin.activation import add_errors, say_saved
from sipadmin.dashboard import snapshot
from sipadmin.policy_form import make_read_only
from sipadmin.provisioning import ProvisioningError, own_policy, set_policy


class CallsView(LoginRequiredMixin, TemplateView):
    """Call attempts, newest first, with their branches."""

    template_name = "proxy/calls.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "page": "calls", "calls": snapshot.recent_calls()}


class RemoveMessagesView(AdministratorRequired, View):
    """Deletes stored messages of one user: one of them, or all."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, user: int) -> HttpResponse:
        messages = StoredMessage.objects.filter(user=user)
        one = request.POST.get("message", "")
        if one:
            messages = messages.filter(pk=int(one)) if one.isdigit() and len(one) < 19 else messages.none()
        count = remove_stored(messages, user)
        say_saved(request, "1 message is deleted." if count == 1 else f"{count} messages are deleted.")
        return redirect("user", pk=user)


class ServerPolicyView(AdministratorWrites, View):
    """Routing rules, the server's default policy, and who overrides it."""

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
            "rules": rules_with_effect(),
            "domain_rows": rows.filter(domain__isnull=False).order_by("domain__name")[:200],
            "user_rows": rows.filter(user__isnull=False).order_by("user__domain__name", "user__username")[:200],
            "user_row_count": rows.filter(user__isnull=False).count(),
        }
        return render(request, self.template_name, context, status=status)


def rules_with_effect() -> list[RoutingRule]:
    """All rules in their order; ``calls`` is how many calls of the last day each has decided."""
    since = timezone.now() - timedelta(days=1)
    decided = CallAttempt.objects.filter(started_at__gte=since, policy_origin__startswith="rule ")
    counts = dict(decided.order_by().values_list("policy_origin").annotate(Count("id")))
    rules = list(RoutingRule.objects.select_related("domain"))
    for rule in rules:
        rule.calls = counts.get(f"rule {rule.name}", 0)
    return rules
