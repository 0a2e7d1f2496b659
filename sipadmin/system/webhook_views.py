"""Webhooks in the console: where events go, and what became of them. The rules are those of the API's serializer."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

from sipadmin.accounts.roles import AdministratorRequired
from sipadmin.endpoints.webhooks import WebhookSerializer
from sipadmin.event_types import TYPES
from sipadmin.webhooks.hooks import queue_test, replay
from sipadmin.webhooks.models import Delivery, Webhook

SHOWN = 50  # deliveries on the page of a webhook


class WebhookForm(forms.Form):
    """A new webhook."""

    name = forms.CharField(max_length=80)
    url = forms.CharField(
        max_length=500, label="Address", help_text="https://… Private addresses must be allowed first."
    )
    types = forms.MultipleChoiceField(
        choices=[(name, name) for name in TYPES], required=False, widget=forms.CheckboxSelectMultiple,
        label="Events", help_text="Tick none for all.",
    )  # fmt: skip
    domain = forms.CharField(max_length=253, required=False, help_text="Only what is about users of this domain.")


@method_decorator(never_cache, name="dispatch")
class WebhooksView(AdministratorRequired, View):
    """All webhooks; the secret of a new one is shown once."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(request, WebhookForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = WebhookForm(request.POST)
        if not form.is_valid():
            return self.page(request, form, 422)
        serializer = WebhookSerializer(data=form.cleaned_data)
        if not serializer.is_valid():
            for name, errors in serializer.errors.items():
                form.add_error(name if name in form.fields else None, [str(error) for error in errors])
            return self.page(request, form, 422)
        with transaction.atomic():
            hook = serializer.save()
        return self.page(request, WebhookForm(), new=hook, secret=serializer.secret)

    def page(self, request: HttpRequest, form: WebhookForm, status: int = 200, **more: Any) -> HttpResponse:
        waiting = Count("deliveries", filter=Q(deliveries__state=Delivery.WAITING))
        hooks = Webhook.objects.annotate(waiting=waiting)
        context = {"page": "system", "tab": "webhooks", "form": form, "hooks": hooks, **more}
        return render(request, "system/webhooks.html", context, status=status)


class WebhookView(AdministratorRequired, View):
    """One webhook: its last messages, a test, sending again, switching it off or on, deleting it."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        hook = get_object_or_404(Webhook, pk=pk)
        deliveries = hook.deliveries.defer("body")[:SHOWN]
        context = {"page": "system", "tab": "webhooks", "hook": hook, "deliveries": deliveries}
        return render(request, "system/webhook.html", context)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        hook = get_object_or_404(Webhook, pk=pk)
        match request.POST.get("do"):
            case "test":
                queue_test(hook, request.user.get_username())
                messages.success(request, "A test message is on its way; this page shows what becomes of it.")
            case "again":
                count = replay(hook.deliveries.filter(state=Delivery.FAILED)[:1000])
                messages.success(request, f"{count} message{'' if count == 1 else 's'} will be sent again.")
            case "switch":
                serializer = WebhookSerializer(hook, data={"enabled": not hook.enabled}, partial=True)
                serializer.is_valid(raise_exception=True)
                with transaction.atomic():
                    serializer.save()
                messages.success(request, f"{hook.name} is {'on' if hook.enabled else 'off'}.")
            case "delete":
                with transaction.atomic():
                    hook.delete()
                messages.success(request, f"{hook.name} is deleted; what still waited is not sent.")
                return redirect("webhooks")
        return redirect("webhook", pk=pk)
