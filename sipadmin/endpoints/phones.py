"""A user's password and phone: POST /users/{aor}/rotate-password/ and /users/{aor}/provisioning-link/."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from registrar.forms import generate_password
from registrar.models import SipUser
from sipadmin.phone_links.links import (
    LIFETIME,
    LONGEST_LIFETIME,
    link_url,
    make_link,
    qr_svg,
    server_for,
    withdraw_links,
)
from sipadmin.provisioning import save_user
from sipadmin.rest.serializers import StrictSerializer, find_user

AOR = OpenApiParameter("aor", str, OpenApiParameter.PATH, description="bob@example.org")
NEVER_STORED = {"Cache-Control": "no-store"}


class NothingSerializer(StrictSerializer):
    """An empty body or an empty object."""


class NewPasswordSerializer(serializers.Serializer):
    """The one answer that holds the new password."""

    aor = serializers.CharField()
    password = serializers.CharField()


@extend_schema_serializer(examples=[OpenApiExample("For an hour", {"lifetime": 3600}, request_only=True)])
class LinkWishSerializer(StrictSerializer):
    """What the link should be like."""

    password = serializers.CharField(
        required=False,
        max_length=256,
        trim_whitespace=False,
        help_text="The user's password, to be passed on. Without it the user gets a new one.",
    )
    lifetime = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=int(LONGEST_LIFETIME.total_seconds()),
        default=int(LIFETIME.total_seconds()),
        help_text="Seconds that the link works.",
    )


class LinkSerializer(serializers.Serializer):
    """A link for one phone; it works once."""

    url = serializers.URLField()
    expires_at = serializers.DateTimeField()
    has_new_password = serializers.BooleanField(help_text="The password was changed; other phones need it too.")
    server = serializers.CharField(help_text="SIP URI that the phone will register through.")
    qr_svg = serializers.CharField(help_text="The address as a QR code: an SVG element.")


def get_user(aor: str) -> SipUser:
    user = find_user(aor)
    if user is None:
        raise Http404(f"There is no user {aor}.")
    return user


class RotatePasswordView(APIView):
    """A new password for a user."""

    scope = "users"

    @extend_schema(
        request=NothingSerializer,
        responses=NewPasswordSerializer,
        parameters=[AOR],
        operation_id="users_rotate_password",
    )
    def post(self, request: Request, aor: str) -> Response:
        """Make a new password and show it, here and never again. Links for phones stop working."""
        NothingSerializer(data=request.data).is_valid(raise_exception=True)
        user, password = get_user(aor), generate_password()
        with transaction.atomic():
            save_user(user.domain, user.username, may_create=False, password=password)
            withdraw_links(user)
        return Response({"aor": str(user), "password": password}, headers=NEVER_STORED)


class ProvisioningLinkView(APIView):
    """Sets up a phone by a link or QR code."""

    scope = "users"

    @extend_schema(
        request=LinkWishSerializer,
        responses={201: LinkSerializer},
        parameters=[AOR],
        operation_id="users_provisioning_link",
    )
    def post(self, request: Request, aor: str) -> Response:
        """A link that gives one phone its settings, once. Earlier links of the user stop working."""
        serializer = LinkWishSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        wish: dict[str, Any] = serializer.validated_data
        made = make_link(
            get_user(aor),
            server_for(request),
            password=wish.get("password"),
            lifetime=timedelta(seconds=wish["lifetime"]),
        )
        url = link_url(request, made.text)
        facts = {
            "url": url,
            "expires_at": made.link.expires_at,
            "has_new_password": made.has_new_password,
            "server": made.link.server,
            "qr_svg": qr_svg(url),
        }
        return Response(LinkSerializer(facts).data, status=201, headers=NEVER_STORED)

    @extend_schema(responses={204: None}, parameters=[AOR], operation_id="users_provisioning_link_withdraw")
    def delete(self, request: Request, aor: str) -> Response:
        """The user's links stop working."""
        withdraw_links(get_user(aor))
        return Response(status=204)
