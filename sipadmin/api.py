"""The REST API: joins the two apps' parts under /api/v1/, with schema and offline documentation beside it."""

from __future__ import annotations

from typing import Any

from django.urls import include, path, re_path
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from sipadmin.headers import POLICY


class RootView(APIView):
    """Where everything is."""

    permission_classes = [IsAuthenticated]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        names = {
            "domains": "api-domain-list",
            "users": "api-user-list",
            "bindings": "api-binding-list",
            "third_party_rules": "api-third-party-rule-list",
            "routing_simulate": "api-simulate",
            "routing_rules": "api-routing-rule-list",
            "routing_policy": "api-server-policy",
            "calls": "api-call-list",
            "stored_messages": "api-stored-message-list",
            "events": "api-event-list",
            "audit": "api-audit-list",
            "operators": "api-operator-list",
            "tokens": "api-token-list",
            "webhooks": "api-webhook-list",
            "bans": "api-ban-list",
            "system": "api-system",
            "stats": "api-stats",
            "schema": "api-schema",
            "docs": "api-docs",
        }
        return Response({key: reverse(name, request=request) for key, name in names.items()})


class UnknownView(APIView):
    """Any other address below /api/: a problem, not a page."""

    permission_classes = [IsAuthenticated]

    @extend_schema(exclude=True)
    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise NotFound("There is nothing at this address.")


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI from our own files. It styles itself inline; scripts stay as strict as everywhere."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response = super().get(request, *args, **kwargs)
        response["Content-Security-Policy"] = f"{POLICY}; style-src 'self' 'unsafe-inline'"
        return response


version_1 = [
    path("", RootView.as_view(), name="api-root"),
    path("", include("registrar.api.urls")),
    path("", include("proxy.api.urls")),
    path("", include("sipadmin.endpoints.urls")),
]

urlpatterns = [
    # No name holds a zero byte, and PostgreSQL fails when it is asked for one.
    re_path(r"\x00", UnknownView.as_view()),
    path("v1/", include(version_1)),
    path("schema/", SpectacularAPIView.as_view(permission_classes=[IsAuthenticated]), name="api-schema"),
    path("docs/", DocsView.as_view(url_name="api-schema", permission_classes=[IsAuthenticated]), name="api-docs"),
    re_path(r"^.*$", UnknownView.as_view()),
]
