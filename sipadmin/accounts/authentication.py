"""REST authentication: a bearer token, or the console's session with CSRF."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from sipadmin.accounts.models import ApiToken
from sipadmin.accounts.tokens import TokenRefused, find_token


class TokenPrincipal:
    """Who is asking when no console account stands behind a token, as with ``manage.py createtoken``."""

    is_authenticated = True
    is_anonymous = False
    is_active = True
    is_superuser = True
    pk = None

    def __init__(self, token: ApiToken) -> None:
        self.username = f"token {token.name}"

    def __str__(self) -> str:
        return self.username


def bearer_text(request: HttpRequest | Request) -> str | None:
    """What a request gives as its bearer token; None when it gives none."""
    scheme, _, credentials = get_authorization_header(request).partition(b" ")
    return credentials.strip().decode("ascii", "replace") if scheme.lower() == b"bearer" else None


class BearerToken(BaseAuthentication):
    """``Authorization: Bearer sipa_<key>.<secret>`` (RFC 6750 §2.1). ``request.auth`` is the ApiToken."""

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        text = bearer_text(request)
        if text is None:
            return None
        try:
            token = find_token(text, source=request.META.get("REMOTE_ADDR", ""))
        except TokenRefused as error:
            raise AuthenticationFailed(str(error)) from error
        return token.owner or TokenPrincipal(token), token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="sipadmin"'


class BearerTokenScheme(OpenApiAuthenticationExtension):
    """How the OpenAPI document describes it."""

    target_class = BearerToken
    name = "bearerToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "sipa_<key>.<secret>"}
