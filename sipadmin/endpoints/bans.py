"""Bans over REST: GET and POST /bans/, DELETE to undo."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from sipadmin.rest.serializers import StrictSerializer
from sipadmin.security.bans import actor_name, lift_ban, make_ban, users_behind
from sipadmin.security.models import Ban


class BanSerializer(StrictSerializer):
    """A ban. ``evidence`` is what led to it; ``registered_users`` how many it cuts off now."""

    id = serializers.IntegerField(read_only=True)
    source = serializers.CharField(
        max_length=64, help_text="192.0.2.9 or 192.0.2.0/24; an IPv6 host counts as its /64."
    )
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    expires_at = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="null: until it is undone."
    )
    created_at = serializers.DateTimeField(read_only=True)
    made_by = serializers.CharField(read_only=True, help_text="Empty: the server.")
    score = serializers.FloatField(read_only=True)
    evidence = serializers.ListField(child=serializers.DictField(), read_only=True)
    is_in_force = serializers.BooleanField(read_only=True)
    lifted_at = serializers.DateTimeField(read_only=True, allow_null=True)
    lifted_by = serializers.CharField(read_only=True)
    registered_users = serializers.SerializerMethodField()

    def get_registered_users(self, ban: Ban) -> int:
        behind = self.context.get("behind")
        return int((users_behind([ban.source]) if behind is None else behind)[ban.source])

    def create(self, values: dict[str, Any]) -> Ban:
        actor = actor_name(self.context["request"].user)
        return make_ban(values["source"], values["expires_at"], values["reason"], actor)


class BanFilter(django_filters.FilterSet):
    in_force = django_filters.BooleanFilter(method="filter_in_force")
    source = django_filters.CharFilter()
    made_by = django_filters.CharFilter()

    class Meta:
        model = Ban
        fields: list[str] = []

    def filter_in_force(self, queryset: QuerySet, name: str, wanted: bool) -> QuerySet:
        in_force = Ban.objects.in_force()
        return queryset.filter(pk__in=in_force) if wanted else queryset.exclude(pk__in=in_force)


class BanViewSet(mixins.ListModelMixin, mixins.CreateModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Whom the engine passes over, and whom it did. The engine makes bans itself; they are undone by DELETE."""

    scope = "security"
    operators_act = True
    queryset = Ban.objects.order_by("-created_at", "-id")
    serializer_class = BanSerializer
    filterset_class = BanFilter
    lookup_value_regex = r"\d{1,18}"

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        context = {**self.get_serializer_context(), "behind": users_behind([ban.source for ban in page])}
        return self.get_paginated_response(BanSerializer(page, many=True, context=context).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Undo the ban: the source is heard again at once, and nothing is held against it. The row stays."""
        lift_ban(self.get_object(), actor_name(request.user))
        return Response(status=204)
