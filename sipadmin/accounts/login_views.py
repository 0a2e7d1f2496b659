"""Logging in: name and password, then the code where the account has a second factor. Guessing is slowed down.

There is no session before the second factor is right, so that no page, socket or API has to ask for it.
"""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.signals import user_login_failed
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from sipadmin.accounts import second_factor

BACKEND = "django.contrib.auth.backends.ModelBackend"
PENDING = "login_pending"
CODE_INTERVAL = 300.0  # seconds between the password and the code
MOST_CODES = 5  # wrong codes before the password is asked again


class ConsoleLoginView(LoginView):
    """Name and password."""

    template_name = "accounts/login.html"
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        account = form.get_user()
        if not second_factor.has_second_factor(account):
            return super().form_valid(form)
        self.request.session[PENDING] = {
            "account": account.pk,
            # A password that changes meanwhile ends it.
            "hash": account.get_session_auth_hash(),
            "at": time.time(),
            "tries": 0,
            "next": self.get_redirect_url(),
        }
        return redirect("login-code")


@method_decorator([login_not_required, never_cache, sensitive_post_parameters()], name="dispatch")
class LoginCodeView(View):
    """The code of the authenticator, or a recovery code."""

    template_name = "accounts/login_code.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        if pending_account(request) is None:
            return redirect("login")
        return render(request, self.template_name)

    def post(self, request: HttpRequest) -> HttpResponse:
        account = pending_account(request)
        if account is None:
            return redirect("login")
        pending = request.session[PENDING]
        if second_factor.check(account, request.POST.get("code", "")[:40]):
            del request.session[PENDING]
            login(request, account, backend=BACKEND)
            place = pending["next"]
            is_safe = url_has_allowed_host_and_scheme(place, {request.get_host()}, request.is_secure())
            return redirect(place if is_safe else resolve_url(settings.LOGIN_REDIRECT_URL))
        pending["tries"] += 1
        request.session[PENDING] = pending
        user_login_failed.send(sender=__name__, credentials={"username": account.get_username()}, request=request)
        if pending["tries"] >= MOST_CODES:
            del request.session[PENDING]
            return redirect("login")
        return render(request, self.template_name, {"is_wrong": True}, status=422)


def pending_account(request: HttpRequest) -> Any:
    """Who has given the right password a moment ago; None otherwise."""
    pending = request.session.get(PENDING)
    if not pending or time.time() - pending["at"] > CODE_INTERVAL:
        return None
    account = get_user_model().objects.filter(pk=pending["account"], is_active=True).first()
    if account is None or account.get_session_auth_hash() != pending["hash"]:
        return None
    return account


def locked_out(request: HttpRequest, credentials: Any = None, *arguments: Any, **options: Any) -> HttpResponse:
    """What django-axes answers with while somebody has to wait."""
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    context = {
        "status": 429,
        "title": "Too many wrong passwords",
        "text": f"This name cannot log in from here for {minutes} minutes.",
        "advice": "An administrator can lift it on System, Accounts, or on the server with manage.py axes_reset.",
    }
    return render(request, "error.html", context, status=429)


def client_address(request: HttpRequest) -> str:
    """For django-axes: the address the server saw, behind a proxy the one that Daphne was told."""
    return str(request.META.get("REMOTE_ADDR") or "")
