"""Live registrations; domains. The pages of users are in user_list_views.py and user_views.py."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.db import transaction
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views import View
from django.views.generic import TemplateView

from registrar.forms import DomainForm
from registrar.models import Binding, Domain
from sipadmin.accounts.roles import AdministratorRequired, AdministratorWrites, is_administrator
from sipadmin.activation import add_errors, say_saved
from sipadmin.audit.trail import record
from sipadmin.bus import EngineUnavailable, engine_command
from sipadmin.dashboard import snapshot
from sipadmin.effective import effective_policies, sentence
from sipadmin.policy_form import make_read_only
from sipadmin.provisioning import ProvisioningError, own_policy, save_domain


class RegistrationsView(LoginRequiredMixin, TemplateView):
    """Who is registered where, live."""

    template_name = "registrar/registrations.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        text = self.request.GET.get("q", "").strip()[:200]
        bindings = snapshot.live_bindings(text, snapshot.MOST_DRAWN)
        is_all = len(bindings) < snapshot.MOST_DRAWN
        return {
            **super().get_context_data(**kwargs),
            "page": "registrations",
            "groups": snapshot.by_aor(bindings),
            "flapping": snapshot.flapping(),
            "shown": len(bindings),
            "total": len(bindings) if is_all else snapshot.matching_bindings(text).count(),
            "q": text,
        }


class RemoveBindingView(AdministratorWrites, View):
    """Removes a contact in the engine, so that no call reaches it. Its phone may register again."""

    http_method_names = ["post"]
    operators_act = True

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        binding = Binding.objects.select_related("user__domain").filter(pk=pk).first()
        if binding is None:
            messages.info(request, "This contact is gone already.")
        else:
            try:
                engine_command("remove_binding", id=binding.pk)
            except EngineUnavailable as error:
                messages.error(request, f"The contact is still there. {error}")
            else:
                record("binding.deleted", str(binding.user), {"contact": [binding.contact, None]})
                messages.success(
                    request,
                    f"Removed a contact of {binding.user}. Calls do not reach it until its phone registers again.",
                )
        if request.POST.get("next") == "user" and binding is not None:
            return redirect("user", pk=binding.user_id)
        return redirect("registrations")


class DomainsView(LoginRequiredMixin, TemplateView):
    """All domains with what holds in them."""

    template_name = "registrar/domains.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        domains = list(Domain.objects.annotate(user_count=Count("users")).prefetch_related("aliases").order_by("name"))
        rows = list(zip(domains, effective_policies(domains), strict=True))
        return {**super().get_context_data(**kwargs), "page": "domains", "rows": rows}


class NewDomainView(AdministratorRequired, View):
    template_name = "registrar/domain_form.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(request, DomainForm(initial={"policy_action": "inherit"}))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = DomainForm(request.POST)
        if form.is_valid():
            try:
                domain = save_domain(**form.values()).domain
            except ProvisioningError as error:
                add_errors(form, error, {"alias": "aliases", "policy": "policy_argument"})
            else:
                say_saved(request, f"Domain {domain.name} is there.")
                return redirect("domain", pk=domain.pk)
        return self.page(request, form, status=422)

    def page(self, request: HttpRequest, form: DomainForm, status: int = 200) -> HttpResponse:
        return render(request, self.template_name, {"page": "domains", "form": form}, status=status)


class DomainView(AdministratorWrites, View):
    """A domain's settings; operators read them."""

    template_name = "registrar/domain_form.html"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        domain = get_object_or_404(Domain, pk=pk)
        return self.page(request, domain, DomainForm(domain=domain, initial=self.initial(domain)))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        domain = get_object_or_404(Domain, pk=pk)
        form = DomainForm(request.POST, domain=domain, initial=self.initial(domain))
        if form.is_valid():
            try:
                change = save_domain(may_create=False, **form.values())
            except ProvisioningError as error:
                add_errors(form, error, {"alias": "aliases", "policy": "policy_argument"})
            else:
                for warning in change.warnings:
                    messages.warning(request, f"{warning[0].upper()}{warning[1:]}.")
                say_saved(request)
                return redirect("domain", pk=domain.pk)
        return self.page(request, domain, form, status=422)

    def initial(self, domain: Domain) -> dict[str, Any]:
        return DomainForm.initial_of(domain, *own_policy(domain))

    def page(self, request: HttpRequest, domain: Domain, form: DomainForm, status: int = 200) -> HttpResponse:
        if not is_administrator(request.user):
            make_read_only(form)
        context = {
            "page": "domains",
            "domain": domain,
            "form": form,
            "effective": sentence(effective_policies([domain])[0]),
            "user_count": domain.users.count(),
        }
        return render(request, self.template_name, context, status=status)


class DeleteDomainView(AdministratorRequired, View):
    """Asks first, naming what falls with the domain."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        domain = get_object_or_404(Domain, pk=pk)
        users = domain.users.count()
        phones = Binding.objects.live().filter(user__domain=domain).count()
        context = {
            "page": "domains",
            "title": f"Delete {domain.name}?",
            "effects": [f"{users} users are deleted with it.", f"{phones} registered contacts drop at once."],
            "back": "domain",
            "pk": pk,
        }
        return render(request, "confirm.html", context)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        domain = get_object_or_404(Domain, pk=pk)
        with transaction.atomic():
            domain.delete()
        say_saved(request, f"Domain {domain.name} is deleted.")
        return redirect("domains")
