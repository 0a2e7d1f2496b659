"""Domains, users, bindings and third-party rules over REST."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, Max, OuterRef, QuerySet
from django.http import Http404
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from registrar.api import filters, serializers
from registrar.api.contacts import BindingSerializer, StaticContactSerializer
from registrar.devices import reach_of
from registrar.models import Binding, Domain, SipUser, StaticContact, ThirdPartyRule
from sipadmin.accounts.roles import is_administrator
from sipadmin.audit.trail import record
from sipadmin.bus import engine_command
from sipadmin.effective import describe, effective_policies
from sipadmin.models import Event
from sipadmin.rest.conditions import ConditionalWrites
from sipadmin.rest.serializers import split_aor

REGISTERED = ("registration.created", "registration.refreshed", "registration.moved")


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


class LastRegistered:
    """Gives the serializer ``last_registered``: all users of one page in two queries."""

    _owners: list[Any] | None = None

    def get_serializer_context(self) -> dict[str, Any]:
        found: dict[int, Any] = {}

        def last_of(user: SipUser) -> Any:
            if user.pk not in found:
                users = self._owners or [user]
                found.update(last_registered(users if user in users else [user]))
            return found.get(user.pk)

        return {**super().get_serializer_context(), "last_registered": last_of}


def last_registered(users: Sequence[SipUser]) -> dict[int, datetime | None]:
    """When each registered last: by a binding of now, or by the event log."""
    rows = Binding.objects.filter(user__in=users, is_static=False).values_list("user").annotate(Max("refreshed_at"))
    found: dict[int, datetime | None] = {user.pk: None for user in users} | dict(rows.order_by())
    missing = {user.aor: user.pk for user in users if found[user.pk] is None}
    events = Event.objects.filter(subject__in=missing, type__in=REGISTERED).values_list("subject").annotate(Max("ts"))
    return found | {missing[aor]: at for aor, at in events.order_by()}


class NaturalKeyViewSet(PolicyContext, ConditionalWrites, viewsets.ModelViewSet):
    """CRUD where PUT creates what is not there yet (201) and replaces what is (200)."""

    def answer(self, serializer: BaseSerializer) -> Response:
        serializer.is_valid(raise_exception=True)
        row = serializer.save()
        facts = dict(serializer.to_representation(row))
        if getattr(serializer, "warnings", None):
            facts["warnings"] = serializer.warnings
        headers = {"Location": self.request.build_absolute_uri(self.place(row))} if serializer.is_new else {}
        return self.tagged(Response(facts, status=201 if serializer.is_new else 200, headers=headers), row)

    @transaction.atomic
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.answer(self.get_serializer(data=request.data))

    @transaction.atomic
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self.check(self.find())
        context = {**self.get_serializer_context(), **self.key(), "replaces": True}
        return self.answer(self.get_serializer_class()(data=request.data, context=context))

    @transaction.atomic
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        self.check(row)
        return self.answer(self.get_serializer(row, data=request.data, partial=True))

    def get_object(self) -> Any:
        row = self.find()
        if row is None:
            raise Http404(f"There is no {self.scope.removesuffix('s')} {self.kwargs[self.lookup_kwarg()]}.")
        self.check_object_permissions(self.request, row)
        return row

    def lookup_kwarg(self) -> str:
        return self.lookup_url_kwarg or self.lookup_field

    def find(self) -> Any:
        """The row that the address names, or None."""
        raise NotImplementedError  # each kind of address has its own

    def key(self) -> dict[str, Any]:
        """Serializer context from the address."""
        raise NotImplementedError  # each kind of address has its own

    def place(self, row: Any) -> str:
        """Path of a row."""
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

    def find(self) -> Domain | None:
        return self.get_queryset().filter(name=self.kwargs["name"].lower()).first()

    def place(self, domain: Domain) -> str:
        return reverse("api-domain-detail", args=[domain.name])

    def key(self) -> dict[str, Any]:
        return {"name": self.kwargs["name"].lower()}

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if isinstance(request.data, dict) and "name" not in request.data:
            request.data["name"] = self.kwargs["name"]
        return super().update(request, *args, **kwargs)


AOR = OpenApiParameter("aor", str, OpenApiParameter.PATH, description="bob@example.org")


@extend_schema_view(
    retrieve=extend_schema(parameters=[AOR]),
    partial_update=extend_schema(parameters=[AOR]),
    destroy=extend_schema(parameters=[AOR]),
)
class UserViewSet(LastRegistered, NaturalKeyViewSet):
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

    def find(self) -> SipUser | None:
        username, domain = split_aor(self.kwargs["aor"])
        return self.get_queryset().filter(username=username, domain__name=domain).first()

    def place(self, user: SipUser) -> str:
        return reverse("api-user-detail", args=[str(user)])

    def key(self) -> dict[str, Any]:
        return {"aor": split_aor(self.kwargs["aor"])}

    @extend_schema(
        parameters=[AOR],
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
    """Who is registered where, now, and the static contacts."""

    scope = "bindings"
    operators_act = True
    serializer_class = BindingSerializer
    filterset_class = filters.BindingFilter
    queryset = Binding.objects.none()
    lookup_value_regex = r"-?\d{1,19}"

    def get_queryset(self) -> QuerySet:
        return Binding.objects.reachable().select_related("user__domain").order_by("id")

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """With what the engine knows of the phones, asked once for all of them."""
        if args and not isinstance(args[0], QuerySet):
            rows = args[0] if isinstance(args[0], list) else [args[0]]
            kwargs["context"] = {**self.get_serializer_context(), "reach": reach_of(rows)}
        return super().get_serializer(*args, **kwargs)

    @extend_schema(
        summary="Set a static contact",
        request=StaticContactSerializer,
        responses={201: BindingSerializer},
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """A contact of a user that never expires. For administrators."""
        self.for_administrators_only(request)
        serializer = StaticContactSerializer(data=request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        return Response(self.get_serializer(serializer.save()).data, status=201)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Remove the binding from the engine at once. Its phone may register again; a static contact is gone."""
        binding = self.get_object()
        if binding.is_static:
            self.for_administrators_only(request)
            with transaction.atomic():
                StaticContact.objects.get(pk=binding.pk).delete()
        else:
            engine_command("remove_binding", id=binding.pk)
            record("binding.deleted", str(binding.user), {"contact": [binding.contact, None]})
        return Response(status=204)

    @staticmethod
    def for_administrators_only(request: Request) -> None:
        if not is_administrator(request.user):
            raise PermissionDenied("Only administrators may change static contacts.")


class ThirdPartyRuleViewSet(ConditionalWrites, viewsets.ModelViewSet):
    """Who may register for somebody else."""

    scope = "users"
    serializer_class = serializers.ThirdPartyRuleSerializer
    filterset_class = filters.ThirdPartyRuleFilter
    queryset = ThirdPartyRule.objects.select_related("actor__domain", "target__domain").order_by("id")
    lookup_value_regex = r"\d{1,18}"
