"""Login, the set-up link, API tokens."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from sipadmin.accounts.forms import FirstAdministratorForm, TokenForm
from sipadmin.accounts.models import ApiToken
from sipadmin.accounts.roles import AdministratorRequired
from sipadmin.accounts.setup_links import LinkRefused, create_first_administrator, is_live
from sipadmin.accounts.tokens import issue_token


@method_decorator([login_not_required, never_cache, sensitive_post_parameters()], name="dispatch")
class SetupView(View):
    """The page behind a set-up link. Used, expired and invented links give one and the same 404."""

    template_name = "accounts/setup.html"

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        if not is_live(token):
            return self.refused(request)
        return render(request, self.template_name, {"form": FirstAdministratorForm()})

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        if not is_live(token):
            return self.refused(request)
        form = FirstAdministratorForm(request.POST)
        if not form.is_valid():
            return render(request, self.template_name, {"form": form}, status=422)
        try:
            account = create_first_administrator(token, form.cleaned_data["username"], form.cleaned_data["password"])
        except LinkRefused:
            return self.refused(request)
        login(request, account, backend="django.contrib.auth.backends.ModelBackend")
        messages.success(request, "Welcome. You are the administrator of this server.")
        return redirect("welcome")

    def refused(self, request: HttpRequest) -> HttpResponse:
        return render(request, "accounts/setup_refused.html", status=404)


@method_decorator([never_cache], name="dispatch")
class TokensView(AdministratorRequired, View):
    """API tokens: who may use the REST API, with which scopes, until when."""

    template_name = "accounts/tokens.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(request, TokenForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = TokenForm(request.POST)
        if not form.is_valid():
            return self.page(request, form, status=422)
        token, text = issue_token(owner=request.user, **form.cleaned_data)
        # The text goes into this one answer and nowhere else: no session, no message, no redirect.
        return self.page(request, TokenForm(), new_token=token, new_token_text=text)

    def page(self, request: HttpRequest, form: TokenForm, status: int = 200, **more: Any) -> HttpResponse:
        tokens = ApiToken.objects.select_related("owner")
        return render(
            request,
            self.template_name,
            {"page": "system", "tab": "tokens", "form": form, "tokens": tokens, **more},
            status=status,
        )


class RevokeTokenView(AdministratorRequired, View):
    """Ends a token at once."""

    http_method_names = ["post"]

    @transaction.atomic
    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        token = get_object_or_404(ApiToken, pk=pk)
        if token.is_revoked:
            raise Http404("This token is revoked already.")
        token.is_revoked = True
        token.save(update_fields=["is_revoked"])
        messages.success(request, f"Token “{token.name}” is revoked. Requests with it get 401 from now on.")
        return redirect("tokens")
