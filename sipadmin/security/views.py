"""Security: who failed, who is banned and why, and how to undo it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views import View
from django.views.generic import TemplateView

from sip.defence.evidence import SENTENCES
from sipadmin.accounts.roles import AdministratorWrites
from sipadmin.activation import add_errors, say_saved
from sipadmin.bus import EngineUnavailable, engine_command
from sipadmin.provisioning import ProvisioningError
from sipadmin.security.bans import actor_name, check_source, lift_ban, make_ban, users_behind, users_text
from sipadmin.security.forms import BanForm
from sipadmin.security.models import Ban
from sipadmin.security.overview import overview

MOST_PAST = 20


class SecurityView(AdministratorWrites, View):
    """The page. Posting bans an address by hand, after a look at who is behind it."""

    template_name = "security/security.html"
    operators_act = True

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(request, BanForm(initial={"source": request.GET.get("source", "")[:64], "hours": "24"}))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = BanForm(request.POST)
        if not form.is_valid():
            return self.page(request, form, status=422)
        try:
            source = check_source(form.cleaned_data["source"])
            count = users_behind([source])[source]
            if count and "sure" not in request.POST:
                return self.ask(request, form, source, count)
            ban = make_ban(source, form.expires_at(), form.cleaned_data["reason"], actor_name(request.user))
        except ProvisioningError as error:
            add_errors(form, error, {"expires_at": "hours"})
            return self.page(request, form, status=422)
        say_saved(request, f"{ban.source} is banned.")
        return redirect("security")

    def ask(self, request: HttpRequest, form: BanForm, source: str, count: int) -> HttpResponse:
        """Whom it would cut off, before it does."""
        context = {"page": "security", "source": source, "users": users_text(count), "entered": form.cleaned_data}
        return render(request, "security/sure.html", context)

    def page(self, request: HttpRequest, form: BanForm, status: int = 200) -> HttpResponse:
        known = overview()
        context = {
            "page": "security",
            "form": form,
            "known": known,
            "past": Ban.objects.exclude(pk__in=[ban["id"] for ban in known["bans"]])[:MOST_PAST],
            "is_quiet": not (known["bans"] or known["sources"] or known["error"]),
        }
        return render(request, self.template_name, context, status=status)


class SecurityNowView(LoginRequiredMixin, View):
    """What the page's script asks for every few seconds."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return JsonResponse(overview())


class BanView(LoginRequiredMixin, TemplateView):
    """One ban with its evidence."""

    template_name = "security/ban.html"

    def get_context_data(self, pk: int, **kwargs: Any) -> dict[str, Any]:
        ban = get_object_or_404(Ban, pk=pk)
        behind = users_text(users_behind([ban.source])[ban.source])
        evidence = [{**one, "words": SENTENCES.get(one.get("kind", ""), one.get("kind", ""))} for one in ban.evidence]
        context = {"page": "security", "ban": ban, "users": behind, "evidence": evidence}
        return {**super().get_context_data(**kwargs), **context}


class LiftBanView(AdministratorWrites, View):
    """Undo: the source is heard again at once, and nothing is held against it."""

    http_method_names = ["post"]
    operators_act = True

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        ban = get_object_or_404(Ban, pk=pk)
        if lift_ban(ban, actor_name(request.user)):
            say_saved(request, f"{ban.source} is banned no more.")
        else:
            messages.info(request, "This ban is over already.")
        return redirect("security")


class ForgiveView(AdministratorWrites, View):
    """Holds nothing against a source any more, before it comes to a ban; users locked out there may try again."""

    http_method_names = ["post"]
    operators_act = True

    def post(self, request: HttpRequest) -> HttpResponse:
        source = request.POST.get("source", "")[:64]
        try:
            engine_command("forgive", source=source)
        except EngineUnavailable as error:
            messages.error(request, f"Nothing was forgotten. {error}")
        else:
            messages.success(request, f"Nothing is held against {source} any more.")
        return redirect("security")
