"""API tokens over REST: /tokens/."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import django_filters
from django.contrib.auth import get_user_model
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from sipadmin.accounts.models import HIGHEST_RATE_LIMIT, MOST_NETWORKS, RATE_LIMIT, SCOPES, ApiToken
from sipadmin.accounts.tokens import issue_token, parse_networks
from sipadmin.rest.conditions import ConditionalWrites
from sipadmin.rest.serializers import StrictSerializer


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A token for billing",
            {"name": "billing", "scopes": ["users:read", "users:write"], "networks": ["192.0.2.0/24"]},
            request_only=True,
        )
    ]
)
class TokenSerializer(StrictSerializer):
    """A token. Its text is in the answer to its creation and nowhere else."""

    BRIEF = ("id", "name", "key")

    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=80)
    key = serializers.SerializerMethodField(help_text="How the token begins.")
    scopes = serializers.ListField(
        child=serializers.ChoiceField(SCOPES), required=False, help_text="Empty: every scope."
    )
    networks = serializers.ListField(
        child=serializers.CharField(max_length=64),
        required=False,
        max_length=MOST_NETWORKS,
        help_text="Where it may be used from, such as 192.0.2.0/24; empty: anywhere.",
    )
    rate_limit = serializers.IntegerField(
        required=False, min_value=1, max_value=HIGHEST_RATE_LIMIT, help_text="Requests a minute."
    )
    owner = serializers.SerializerMethodField(help_text="The account it acts for; empty: none, and it may do all.")
    revoked = serializers.BooleanField(source="is_revoked", required=False, help_text="For good.")
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    last_used_at = serializers.DateTimeField(read_only=True, allow_null=True)
    created_at = serializers.DateTimeField(read_only=True)

    def get_key(self, token: ApiToken) -> str:
        return f"sipa_{token.key}"

    def get_owner(self, token: ApiToken) -> str:
        return token.owner.get_username() if token.owner else ""

    def validate_name(self, name: str) -> str:
        twin = ApiToken.objects.filter(name=name)
        if self.instance is not None:
            twin = twin.exclude(pk=self.instance.pk)
        if twin.exists():
            raise serializers.ValidationError("there is already a token with this name", "unique")
        return name

    def validate_networks(self, networks: list[str]) -> list[str]:
        try:
            return parse_networks(networks)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None

    def validate_expires_at(self, moment: Any) -> Any:
        if moment is not None and moment <= timezone.now():
            raise serializers.ValidationError("this time has passed")
        return moment

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        if self.instance is not None:
            if self.instance.is_revoked and values.get("is_revoked") is False:
                raise serializers.ValidationError({"revoked": "a revoked token stays so; create another one"})
            if not self.partial:
                values = {
                    "scopes": [], "networks": [], "rate_limit": RATE_LIMIT, "expires_at": None,
                    "is_revoked": self.instance.is_revoked, **values,
                }  # fmt: skip
        self.check_no_wider(values)
        return values

    def check_no_wider(self, values: dict[str, Any]) -> None:
        """A token makes no token that may more than itself."""
        own = self.context["request"].auth
        if not isinstance(own, ApiToken):
            return
        wished = {
            name: values.get(name, getattr(self.instance, name, None)) for name in ("scopes", "networks", "expires_at")
        }
        errors = {}
        if own.scopes and not (wished["scopes"] and set(wished["scopes"]) <= set(own.scopes)):
            errors["scopes"] = f"name some of your own token's: {', '.join(own.scopes)}"
        if own.networks and not (
            wished["networks"] and all(is_part(network, own.networks) for network in wished["networks"])
        ):
            errors["networks"] = f"name parts of your own token's: {', '.join(own.networks)}"
        if own.expires_at and not (wished["expires_at"] and wished["expires_at"] <= own.expires_at):
            errors["expires_at"] = f"not later than your own token's: {own.expires_at.isoformat()}"
        if errors:
            raise serializers.ValidationError(errors)

    def create(self, values: dict[str, Any]) -> ApiToken:
        values.pop("is_revoked", None)
        request = self.context["request"]
        accounts = get_user_model()
        owner = request.user if isinstance(request.user, accounts) else None
        token, self.text = issue_token(owner=owner, **values)
        return token

    def update(self, token: ApiToken, values: dict[str, Any]) -> ApiToken:
        for name, value in values.items():
            setattr(token, name, value)
        token.save()
        return token


class NewTokenSerializer(TokenSerializer):
    """The one answer with the token's text."""

    token = serializers.CharField(read_only=True, help_text="sipa_<key>.<secret>: keep it, it is not shown again.")


def is_part(text: str, networks: list[str]) -> bool:
    network = ip_network(text)
    return any(
        network.version == whole.version and network.subnet_of(whole)  # type: ignore[arg-type]
        for whole in map(ip_network, networks)
    )


class TokenFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(field_name="name", lookup_expr="icontains")
    owner = django_filters.CharFilter(field_name="owner__username")
    revoked = django_filters.BooleanFilter(field_name="is_revoked")
    ordering = django_filters.OrderingFilter(fields=["name", "created_at", "last_used_at", "expires_at"])

    class Meta:
        model = ApiToken
        fields: list[str] = []


class TokenViewSet(ConditionalWrites, viewsets.ModelViewSet):
    """Who may use this API. For administrators."""

    scope = "tokens"
    for_administrators = True
    queryset = ApiToken.objects.select_related("owner").order_by("name")
    serializer_class = TokenSerializer
    filterset_class = TokenFilter
    lookup_value_regex = r"\d{1,18}"

    @extend_schema(responses={201: NewTokenSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response = super().create(request, *args, **kwargs)
        response.data = {**response.data, "token": self.made.text}
        response["Cache-Control"] = "no-store"
        return response

    def perform_create(self, serializer: Any) -> None:
        serializer.save()
        self.made = serializer
