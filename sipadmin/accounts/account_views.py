"""Console accounts: one's own (password, second factor), and those of others for administrators."""

from __future__ import annotations

from typing import Any

from axes.models import AccessAttempt
from axes.utils import reset
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model, update_session_auth_hash
from django.contrib.auth.views import PasswordChangeView
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django_otp.plugins.otp_totp.models import TOTPDevice

from sipadmin.accounts import second_factor
from sipadmin.accounts.forms import AccountForm, CodeForm, OwnPasswordForm
from sipadmin.accounts.roles import AdministratorRequired, is_last_administrator
from sipadmin.audit.trail import record
from sipadmin.phone_links.links import qr_svg


class AccountView(PasswordChangeView):
    """One's own account: a new password. Other sessions of the account end with the old one."""

    template_name = "accounts/account.html"
    success_url = reverse_lazy("account")

    def form_valid(self, form: Any) -> HttpResponse:
        messages.success(self.request, "The password is changed. Other sessions of this account have ended.")
        return super().form_valid(form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        account = self.request.user
        return {
            **super().get_context_data(**kwargs),
            "has_factor": second_factor.has_second_factor(account),
            "codes_left": second_factor.codes_left(account),
        }


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class SecondFactorView(View):
    """Switches the second factor on: scan, type the first code, keep the recovery codes."""

    def get(self, request: HttpRequest) -> HttpResponse:
        if second_factor.has_second_factor(request.user):
            return redirect("account")
        device = second_factor.waiting_device(request.user) or second_factor.new_device(request.user)
        return self.page(request, device, CodeForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        device = second_factor.waiting_device(request.user)
        if device is None:
            return redirect("second-factor")
        form = CodeForm(request.POST)
        if form.is_valid():
            codes = second_factor.confirm(device, form.cleaned_data["code"])
            if codes is not None:
                record("account.changed", request.user.get_username(), {"second_factor": ["off", "on"]})
                return render(request, "accounts/recovery_codes.html", {"codes": codes})
            form.add_error("code", "This is not the code of this moment. Is the clock of your phone right?")
        return self.page(request, device, form, 422)

    def page(self, request: HttpRequest, device: TOTPDevice, form: CodeForm, status: int = 200) -> HttpResponse:
        context = {"form": form, "qr": qr_svg(device.config_url), "secret": second_factor.secret_text(device)}
        return render(request, "accounts/second_factor.html", context, status=status)


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class ChangeSecondFactorView(View):
    """New recovery codes, or the factor off. The password is asked: an open screen must not be enough."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not second_factor.has_second_factor(request.user):
            return redirect("account")
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(request, OwnPasswordForm(request.user))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = OwnPasswordForm(request.user, request.POST)
        if not form.is_valid():
            return self.page(request, form, 422)
        name = request.user.get_username()
        if request.POST.get("do") == "off":
            with transaction.atomic():
                second_factor.remove(request.user)
                record("account.changed", name, {"second_factor": ["on", "off"]})
            messages.success(request, "The second factor is off: the password alone opens this account.")
            return redirect("account")
        with transaction.atomic():
            codes = second_factor.make_recovery_codes(request.user)
            record("account.changed", name, {"recovery_codes": ["(hidden)", "(hidden)"]})
        return render(request, "accounts/recovery_codes.html", {"codes": codes})

    def page(self, request: HttpRequest, form: OwnPasswordForm, status: int = 200) -> HttpResponse:
        return render(request, "accounts/change_second_factor.html", {"form": form}, status=status)


def locked_names() -> set[str]:
    """Names that cannot log in from somewhere at the moment."""
    since = timezone.now() - settings.AXES_COOLOFF_TIME
    rows = AccessAttempt.objects.filter(failures_since_start__gte=settings.AXES_FAILURE_LIMIT, attempt_time__gte=since)
    return set(rows.values_list("username", flat=True))


@method_decorator([never_cache, sensitive_post_parameters("password")], name="dispatch")
class AccountsView(AdministratorRequired, View):
    """Who may log in to the console."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(request, AccountForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = AccountForm(request.POST)
        if not form.is_valid():
            return self.page(request, form, 422)
        with transaction.atomic():
            account = get_user_model().objects.create_user(**form.values())
        messages.success(request, f"{account.get_username()} may log in now.")
        return redirect("accounts")

    def page(self, request: HttpRequest, form: AccountForm, status: int = 200) -> HttpResponse:
        devices = TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True)
        accounts = get_user_model().objects.annotate(has_factor=Exists(devices)).order_by("username")
        locked = locked_names()
        context = {
            "page": "system", "tab": "accounts", "form": form,
            "accounts": [(account, account.get_username() in locked) for account in accounts],
        }  # fmt: skip
        return render(request, "accounts/accounts.html", context, status=status)


@method_decorator([never_cache, sensitive_post_parameters("password")], name="dispatch")
class OneAccountView(AdministratorRequired, View):
    """Role, state and password of an account; its second factor and its lock can be taken away."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        account = get_object_or_404(get_user_model(), pk=pk)
        return self.page(request, account, AccountForm(account=account))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        account = get_object_or_404(get_user_model(), pk=pk)
        act = {"reset-factor": self.reset_factor, "unlock": self.unlock, "delete": self.delete}.get(
            request.POST.get("do", ""), self.save
        )
        return act(request, account)

    def save(self, request: HttpRequest, account: Any) -> HttpResponse:
        form = AccountForm(request.POST, account=account)
        if not form.is_valid():
            return self.page(request, account, form, 422)
        values = form.values()
        account.is_superuser, account.is_active = values["is_superuser"], values["is_active"]
        if values["password"]:
            account.set_password(values["password"])
        with transaction.atomic():
            account.save()
        if account == request.user:
            update_session_auth_hash(request, account)
        messages.success(request, f"{account.get_username()} is changed.")
        return redirect("accounts")

    def reset_factor(self, request: HttpRequest, account: Any) -> HttpResponse:
        with transaction.atomic():
            if second_factor.has_second_factor(account):
                record("account.changed", account.get_username(), {"second_factor": ["on", "off"]})
            second_factor.remove(account)
        messages.success(
            request, f"{account.get_username()} logs in with the password alone, until a new factor is set up."
        )
        return redirect("account-of", pk=account.pk)

    def unlock(self, request: HttpRequest, account: Any) -> HttpResponse:
        reset(username=account.get_username())
        record("account.changed", account.get_username(), {"locked": [True, False]})
        messages.success(request, f"{account.get_username()} may try again.")
        return redirect("accounts")

    def delete(self, request: HttpRequest, account: Any) -> HttpResponse:
        if account == request.user or is_last_administrator(account):
            messages.error(request, "Nobody can delete their own account, nor the last administrator.")
            return redirect("account-of", pk=account.pk)
        with transaction.atomic():
            account.delete()
        messages.success(request, f"{account.get_username()} is deleted; the sessions end at once.")
        return redirect("accounts")

    def page(self, request: HttpRequest, account: Any, form: AccountForm, status: int = 200) -> HttpResponse:
        context = {
            "page": "system", "tab": "accounts", "form": form, "account": account,
            "has_factor": second_factor.has_second_factor(account),
            "is_locked": account.get_username() in locked_names(),
        }  # fmt: skip
        return render(request, "accounts/one_account.html", context, status=status)
