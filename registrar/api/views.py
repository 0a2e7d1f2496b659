"""Domains, users, bindings and third-party rules over REST."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from registrar.api import filters, serializers
from registrar.models import Binding, Domain, SipUser, ThirdPartyRule
from sipadmin.bus import engine_command
from sipadmin.effective import describe, effective_policies
from sipadmin.rest.serializers import split_aor


class PolicyContext:
    """Gives the serializers ``effective``: all owners of one page in one query."""

    _owners: list[Any] | None = None

    def paginate_queryset(self, queryset: QuerySet) -> Any:
        page = super().paginate_queryset(queryset)
        self._owners = page
        return page

    def get_serializer_context(self) -> dict[str, Any]:
        found: dict[int, Any] = {}

        def effective_of(owner: Any) -> dict[str, Any]:
            if owner.pk not in found:
                owners = self._owners or [owner]
                found.update(zip((one.pk for one in owners), effective_policies(owners), strict=True))
            return describe(found.get(owner.pk) or effective_policies([owner])[0])

        return {**super().get_serializer_context(), "effective": effective_of}


class NaturalKeyViewSet(PolicyContext, viewsets.ModelViewSet):
    """CRUD where PUT creates what is not there yet (201) and replaces what is (200)."""

    def answer(self, serializer: BaseSerializer) -> Response:
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            row = serializer.save()
        facts = dict(serializer.to_representation(row))
        if getattr(serializer, "warnings", None):
            facts["warnings"] = serializer.warnings
        return Response(facts, status=201 if serializer.is_new else 200)

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.answer(self.get_serializer(data=request.data))

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        context = {**self.get_serializer_context(), **self.key(), "replaces": True}
        return self.answer(self.get_serializer_class()(data=request.data, context=context))

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.answer(self.get_serializer(self.get_object(), data=request.data, partial=True))

    @transaction.atomic
    def perform_destroy(self, row: Any) -> None:
        row.delete()

    def key(self) -> dict[str, Any]:
        """Serializer context from the address."""
        raise NotImplementedError  # each kind of address has its own


@extend_schema_view(
    update=extend_schema(
        summary="Create or replace a domain",
        responses={200: serializers.DomainSerializer, 201: serializers.DomainSerializer},
    )
)
class DomainViewSet(NaturalKeyViewSet):
    """SIP domains that this server is responsible for."""

    scope = "domains"
    queryset = Domain.objects.order_by("name")
    serializer_class = serializers.DomainSerializer
    filterset_class = filters.DomainFilter
    lookup_field = "name"
    lookup_value_regex = r"[^/]+"

    def get_queryset(self) -> QuerySet:
        return (
            Domain.objects.select_related("delivery_policy")
            .prefetch_related("aliases")
            .annotate(user_count=Count("users", distinct=True))
            .order_by("name")
        )

    def get_object(self) -> Domain:
        self.kwargs["name"] = self.kwargs["name"].lower()
        return super().get_object()

    def key(self) -> dict[str, Any]:
        return {"name": self.kwargs["name"].lower()}

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if isinstance(request.data, dict) and "name" not in request.data:
            request.data["name"] = self.kwargs["name"]
        return super().update(request, *args, **kwargs)


@extend_schema(parameters=[OpenApiParameter("aor", str, OpenApiParameter.PATH, description="bob@example.org")])
class UserViewSet(NaturalKeyViewSet):
    """SIP users, by address-of-record."""

    scope = "users"
    queryset = SipUser.objects.none()
    serializer_class = serializers.UserSerializer
    filterset_class = filters.UserFilter
    lookup_url_kwarg = "aor"
    lookup_value_regex = r"[^/]+@[^/]+"

    def get_queryset(self) -> QuerySet:
        live = Binding.objects.live().filter(user=OuterRef("pk"))
        return (
            SipUser.objects.select_related("domain", "delivery_policy")
            .prefetch_related("aliases")
            .annotate(is_registered=Exists(live))
            .order_by("domain__name", "username")
        )

    def get_object(self) -> SipUser:
        username, domain = split_aor(self.kwargs["aor"])
        user = self.get_queryset().filter(username=username, domain__name=domain).first()
        if user is None:
            raise Http404(f"There is no user {self.kwargs['aor']}.")
        self.check_object_permissions(self.request, user)
        return user

    def key(self) -> dict[str, Any]:
        return {"aor": split_aor(self.kwargs["aor"])}

    @extend_schema(
        summary="Create or replace a user",
        responses={200: serializers.UserSerializer, 201: serializers.UserSerializer},
    )
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if isinstance(request.data, dict):
            # The address says which user; the body may repeat it.
            for name, value in zip(("username", "domain"), self.key()["aor"], strict=True):
                request.data.setdefault(name, value)
        return super().update(request, *args, **kwargs)


class BindingViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Who is registered where, now."""

    scope = "bindings"
    serializer_class = serializers.BindingSerializer
    filterset_class = filters.BindingFilter
    queryset = Binding.objects.none()
    lookup_value_regex = r"-?\d{1,19}"

    def get_queryset(self) -> QuerySet:
        return Binding.objects.live().select_related("user__domain").order_by("id")

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Remove the binding from the engine at once. Its phone may register again."""
        binding = self.get_object()
        engine_command("remove_binding", id=binding.pk)
        return Response(status=204)


class ThirdPartyRuleViewSet(viewsets.ModelViewSet):
    """Who may register for somebody else."""

    scope = "users"
    serializer_class = serializers.ThirdPartyRuleSerializer
    filterset_class = filters.ThirdPartyRuleFilter
    queryset = ThirdPartyRule.objects.select_related("actor__domain", "target__domain").order_by("id")
    lookup_value_regex = r"\d{1,18}"

    @transaction.atomic
    def perform_destroy(self, rule: ThirdPartyRule) -> None:
        rule.delete()
