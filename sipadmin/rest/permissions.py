"""Who may call what: token scopes by method, console roles for sessions."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from sipadmin.accounts.models import ApiToken
from sipadmin.accounts.roles import is_administrator, may_act
from sipadmin.accounts.tokens import allows


class ScopeOrRole(BasePermission):
    """A view names its ``scope``, such as "users". Reading needs ``users:read``, everything else ``users:write``.

    With a session, operators read and administrators write; where the view is ``for_administrators``, operators do
    not even read, and with ``operators_act`` they write where the server's owner lets them. A view that only ``asks``
    changes nothing, whatever the method. A token can do no more than its owner.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user or not request.user.is_authenticated:
            return False
        is_reading = request.method in SAFE_METHODS or getattr(view, "asks", False)
        if isinstance(request.auth, ApiToken):
            scope = f"{view.scope}:{'read' if is_reading else 'write'}"
            if not allows(request.auth, scope):
                self.message = f"This token does not have the scope {scope}."
                return False
        if not is_administrator(request.user):
            if getattr(view, "for_administrators", False):
                self.message = "Only administrators may see this."
                return False
            if not is_reading and not (getattr(view, "operators_act", False) and may_act(request.user)):
                self.message = "Only administrators may change this. Your account may read."
                return False
        return True
