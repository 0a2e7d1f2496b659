"""Console accounts over REST: /operators/."""

from __future__ import annotations

from typing import Any

import django_filters
from django.contrib.auth import get_user_model, password_validation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers, viewsets
from rest_framework.exceptions import ValidationError

from sipadmin.accounts.roles import is_last_administrator
from sipadmin.rest.conditions import ConditionalWrites
from sipadmin.rest.serializers import StrictSerializer

Account = get_user_model()
ROLES = {"administrator": True, "operator": False}


class RoleField(serializers.ChoiceField):
    """``is_superuser`` in words."""

    def to_representation(self, is_superuser: Any) -> str:
        return "administrator" if is_superuser else "operator"

    def to_internal_value(self, data: Any) -> bool:
        return ROLES[super().to_internal_value(data)]


@extend_schema_serializer(
    examples=[
        OpenApiExample("An operator", {"username": "olga", "password": "correct horse battery"}, request_only=True)
    ]
)
class OperatorSerializer(StrictSerializer):
    """A console account. The password goes in and never comes out."""

    BRIEF = ("id", "username", "role", "enabled")

    id = serializers.IntegerField(read_only=True)
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(write_only=True, required=False, max_length=256, trim_whitespace=False)
    role = RoleField(list(ROLES), source="is_superuser", required=False, help_text="Operators read.")
    enabled = serializers.BooleanField(source="is_active", required=False)
    last_login = serializers.DateTimeField(read_only=True, allow_null=True)
    created_at = serializers.DateTimeField(source="date_joined", read_only=True)

    def validate_username(self, name: str) -> str:
        name = Account.normalize_username(name)
        try:
            Account._meta.get_field("username").run_validators(name)
        except DjangoValidationError as error:
            raise serializers.ValidationError(error.messages) from None
        twin = Account.objects.filter(username__iexact=name)
        if self.instance is not None:
            twin = twin.exclude(pk=self.instance.pk)
        if twin.exists():
            raise serializers.ValidationError("there is already an account with this name", "unique")
        return name

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        if self.instance is None and "password" not in values:
            raise serializers.ValidationError(
                {"password": serializers.ErrorDetail("a new account needs a password", "required")}
            )
        if "password" in values:
            account = self.instance or Account(username=values.get("username", ""))
            try:
                password_validation.validate_password(values["password"], account)
            except DjangoValidationError as error:
                raise serializers.ValidationError({"password": error.messages}) from None
        if self.instance is not None and not self.partial:
            values = {"is_superuser": False, "is_active": True, **values}
        if self.instance is not None and not (
            values.get("is_superuser", self.instance.is_superuser) and values.get("is_active", self.instance.is_active)
        ):
            check_another_administrator(self.instance)
        return values

    def create(self, values: dict[str, Any]) -> Any:
        return Account.objects.create_user(**values)

    def update(self, account: Any, values: dict[str, Any]) -> Any:
        password = values.pop("password", None)
        for name, value in values.items():
            setattr(account, name, value)
        if password is not None:
            account.set_password(password)  # which ends the account's sessions
        account.save()
        return account


def check_another_administrator(account: Any) -> None:
    """The last one must stay: nobody could let anybody in again."""
    if is_last_administrator(account):
        raise ValidationError({"role": "this is the last administrator; make another one first"})


class OperatorFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(field_name="username", lookup_expr="icontains")
    role = django_filters.ChoiceFilter(choices=[(role, role) for role in ROLES], method="filter_role")
    enabled = django_filters.BooleanFilter(field_name="is_active")
    ordering = django_filters.OrderingFilter(
        fields={"username": "username", "last_login": "last_login", "date_joined": "created_at"}
    )

    class Meta:
        model = Account
        fields: list[str] = []

    def filter_role(self, queryset: QuerySet, name: str, text: str) -> QuerySet:
        return queryset.filter(is_superuser=ROLES[text])


class OperatorViewSet(ConditionalWrites, viewsets.ModelViewSet):
    """Who may log in to the console. For administrators."""

    scope = "operators"
    for_administrators = True
    queryset = Account.objects.order_by("username")
    serializer_class = OperatorSerializer
    filterset_class = OperatorFilter
    lookup_value_regex = r"\d{1,18}"

    def perform_destroy(self, account: Any) -> None:
        check_another_administrator(account)
        account.delete()
