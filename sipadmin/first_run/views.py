"""The first run, one question a page: who may reach SIP, the domain, the first user, the first phone, a test call."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

from proxy.models import CallAttempt
from registrar.forms import generate_password
from registrar.models import Binding, Domain, SipUser
from sipadmin.accounts.roles import AdministratorRequired, is_administrator
from sipadmin.activation import add_errors, say_saved
from sipadmin.dashboard import snapshot
from sipadmin.environment import HostPort
from sipadmin.first_run import listening
from sipadmin.first_run.connection import phone_settings
from sipadmin.first_run.forms import NETWORK, FirstDomainForm, FirstUserForm, ReachForm
from sipadmin.first_run.test_phone import NoTestPhone, test_phone
from sipadmin.phone_links.links import link_url, make_link, qr_svg, server_for
from sipadmin.provisioning import ProvisioningError, save_domain, save_user

STEPS = [("reach", "Reach"), ("domain", "Domain"), ("user", "First user"), ("phone", "First phone")]


def step_context(step: str, **more: Any) -> dict[str, Any]:
    names = [name for name, _ in STEPS]
    steps = [
        {"label": label, "is_now": name == step, "is_done": names.index(name) < names.index(step)}
        for name, label in STEPS
    ]
    return {"steps": steps, **more}


class WelcomeView(AdministratorRequired, View):
    """The next question that is still open."""

    def get(self, request: HttpRequest) -> HttpResponse:
        if not Domain.objects.exists():
            return redirect("welcome-reach")
        user = SipUser.objects.order_by("pk").first()
        return redirect("welcome-user") if user is None else redirect("connect", pk=user.pk)


class ReachView(AdministratorRequired, View):
    """Who may reach the SIP server; the engine listens there when the answer comes back."""

    template_name = "first_run/reach.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        addresses = listening.network_addresses()
        return self.page(request, ReachForm(addresses=addresses, initial={"addresses": addresses}))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ReachForm(request.POST, addresses=listening.network_addresses())
        if listening.is_fixed():
            messages.error(request, "The address is fixed by --sip or SIPADMIN_SIP; change it there.")
            return redirect("welcome-reach")
        if form.is_valid():
            hosts = ["127.0.0.1", *(form.cleaned_data["addresses"] if form.cleaned_data["reach"] == NETWORK else [])]
            addresses = [HostPort(host, form.cleaned_data["port"]) for host in hosts]
            try:
                if addresses != listening.listeners():
                    listening.change(addresses)
            except (listening.CannotListen, listening.EngineUnavailable) as error:
                form.add_error(None, f"The server does not listen there. {error}")
            else:
                messages.success(request, f"SIP listens on {', '.join(map(str, addresses))}, UDP and TCP.")
                return redirect("welcome")
        return self.page(request, form, status=422)

    def page(self, request: HttpRequest, form: ReachForm, status: int = 200) -> HttpResponse:
        try:
            now = [str(one) for one in listening.listeners()]
        except listening.EngineUnavailable:
            now = []
        context = step_context("reach", form=form, now=now, is_fixed=listening.is_fixed())
        return render(request, self.template_name, context, status=status)


class FirstDomainView(AdministratorRequired, View):
    """The first domain."""

    template_name = "first_run/domain.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(request, FirstDomainForm(initial={"name": "sip.local"}))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = FirstDomainForm(request.POST)
        if form.is_valid():
            try:
                domain = save_domain(form.cleaned_data["name"]).domain
            except ProvisioningError as error:
                add_errors(form, error)
            else:
                say_saved(request, f"Domain {domain.name} is there.")
                return redirect("welcome-user")
        return self.page(request, form, status=422)

    def page(self, request: HttpRequest, form: FirstDomainForm, status: int = 200) -> HttpResponse:
        context = step_context("domain", form=form, addresses=listening.network_addresses())
        return render(request, self.template_name, context, status=status)


@method_decorator([never_cache], name="dispatch")
class FirstUserView(AdministratorRequired, View):
    """The first user; the answer is the page that connects a phone, with the password shown once."""

    template_name = "first_run/user.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        domain = Domain.objects.order_by("pk").first()
        if domain is None:
            return redirect("welcome-domain")
        return self.page(request, domain, FirstUserForm(domain=domain))

    def post(self, request: HttpRequest) -> HttpResponse:
        domain = get_object_or_404(Domain.objects.order_by("pk")[:1])
        form = FirstUserForm(request.POST, domain=domain)
        if form.is_valid():
            password = generate_password()
            try:
                user, _ = save_user(domain, password=password, **form.cleaned_data)
            except ProvisioningError as error:
                add_errors(form, error)
            else:
                say_saved(request, f"{user} is there.")
                return connect_page(request, user, password)
        return self.page(request, domain, form, status=422)

    def page(self, request: HttpRequest, domain: Domain, form: FirstUserForm, status: int = 200) -> HttpResponse:
        return render(request, self.template_name, step_context("user", form=form, domain=domain), status=status)


def connect_page(request: HttpRequest, user: SipUser, password: str = "") -> HttpResponse:
    """With ``password``: it is shown, and a link with it as a QR code; both are in this one answer only."""
    bindings = Binding.objects.live().filter(user=user).select_related("user__domain")
    link = ""
    if password:
        link = link_url(request, make_link(user, server_for(request), password=password).text)
    others = SipUser.objects.exclude(pk=user.pk).exists()
    context = step_context(
        "phone",
        page="users",
        user_row=user,
        password=password,
        link=link,
        qr=qr_svg(link) if link else "",
        phone=phone_settings(user),
        bindings=[snapshot.binding_facts(binding) for binding in bindings],
        is_first=not others,
        test_phone=test_phone,
    )
    return render(request, "first_run/connect.html", context)


@method_decorator([never_cache], name="dispatch")
class ConnectView(AdministratorRequired, View):
    """Connect a phone: what to type, a live light, and what is wrong when it does not turn green."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return connect_page(request, get_object_or_404(SipUser.objects.select_related("domain"), pk=pk))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A new password, shown in this one answer."""
        user = get_object_or_404(SipUser.objects.select_related("domain"), pk=pk)
        password = generate_password()
        user, _ = save_user(user.domain, user.username, may_create=False, password=password)
        say_saved(request, f"{user} has a new password; phones with the old one drop out when they register next.")
        return connect_page(request, user, password)


class AsyncAdministrator(View):
    """An asynchronous view for administrators: it waits for phones, not for threads."""

    http_method_names = ["post"]

    async def allow(self, request: HttpRequest) -> None:
        user = await request.auser()
        if not is_administrator(user):
            raise PermissionDenied("Only administrators may do this. Your account may read.")


class TestCallView(AsyncAdministrator):
    """The built-in test phone calls a user; the answer is the call's own page."""

    async def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        await self.allow(request)
        user = await SipUser.objects.select_related("domain").filter(pk=pk).afirst()
        if user is None:
            return redirect("users")
        try:
            await test_phone.start(user.domain)
            call_id = await test_phone.call(user.aor)
        except (NoTestPhone, OSError) as error:
            await sync_to_async(messages.error)(request, f"No test call. {error}")
            return redirect("connect", pk=pk)
        attempt = await find_attempt(call_id)
        return redirect("calls") if attempt is None else redirect("call", pk=attempt)


async def find_attempt(call_id: str, tries: int = 30) -> int | None:
    """Of a call that has just begun: the recorder writes it within half a second."""
    import asyncio

    for _ in range(tries):
        # The first INVITE of a call is challenged; the one with credentials is the call.
        found = CallAttempt.objects.filter(call_id=call_id).exclude(status__in=(401, 407)).order_by("-started_at")
        row = await found.values_list("pk", flat=True).afirst()
        if row is not None:
            return int(row)
        await asyncio.sleep(0.1)
    return None


class TestPhoneView(AsyncAdministrator):
    """Starts the built-in test phone in the first domain, or stops it."""

    async def post(self, request: HttpRequest) -> HttpResponse:
        await self.allow(request)
        back = reverse("registrations")
        if request.POST.get("do") == "stop":
            await test_phone.stop()
            await sync_to_async(messages.success)(request, "The test phone is gone.")
            return redirect(back)
        domain = await Domain.objects.filter(enabled=True).order_by("pk").afirst()
        if domain is None:
            await sync_to_async(messages.error)(request, "A phone needs a domain first.")
            return redirect("new-domain")
        try:
            await test_phone.start(domain)
        except (NoTestPhone, OSError) as error:
            await sync_to_async(messages.error)(request, f"No test phone. {error}")
        else:
            text = f"The test phone is registered as {test_phone.phone.aor} and answers calls for 15 minutes."  # type: ignore[union-attr]
            await sync_to_async(messages.success)(request, text)
        return redirect(back)
