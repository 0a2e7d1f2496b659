"""Console roles: administrators (``is_superuser``) change things, every other account reads as an operator."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.mixins import AccessMixin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase


def is_administrator(user: Any) -> bool:
    return bool(user.is_active and user.is_superuser)


def may_act(user: Any) -> bool:
    """Whether the account may ban addresses and remove contacts: operators only where the server's owner says so."""
    return is_administrator(user) or bool(user.is_active and settings.SIPADMIN.operators_act)


def is_last_administrator(account: Any) -> bool:
    """Whether nobody could let anybody in again without this account."""
    others = get_user_model().objects.filter(is_superuser=True, is_active=True).exclude(pk=account.pk)
    return is_administrator(account) and not others.exists()


class AdministratorRequired(AccessMixin):
    """A view that only administrators may open: others are sent to the login page, operators get 403."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return self.handle_no_permission()
        if not is_administrator(request.user):
            raise PermissionDenied("Only administrators may do this. Your account may read.")
        return super().dispatch(request, *args, **kwargs)


class AdministratorWrites(AccessMixin):
    """A view that operators may read (GET, HEAD) and only administrators may post to.

    With ``operators_act`` it is one of the acts that the server's owner may leave to operators.
    """

    operators_act = False

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return self.handle_no_permission()
        may = may_act if self.operators_act else is_administrator
        if request.method not in ("GET", "HEAD", "OPTIONS") and not may(request.user):
            raise PermissionDenied("Only administrators may change this. Your account may read.")
        return super().dispatch(request, *args, **kwargs)


def console_role(request: HttpRequest) -> dict[str, Any]:
    """Context processor: what the account may do, for every template."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"may_write": False, "may_act": False}
    return {"may_write": is_administrator(user), "may_act": may_act(user)}
