"""The server's delivery policy and the call attempts over REST."""

from __future__ import annotations

import django_filters
from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from proxy.api import serializers
from proxy.models import CallAttempt
from sipadmin.provisioning import own_policy, set_policy
from sipadmin.rest.pagination import NewestFirst


class ServerPolicyView(APIView):
    """The server's default policy."""

    scope = "routing"

    @extend_schema(responses=serializers.ServerPolicySerializer, operation_id="routing_policy_read")
    def get(self, request: Request) -> Response:
        policy, ring_time = own_policy(None)
        return Response({"policy": policy, "ring_time": ring_time})

    @extend_schema(
        request=serializers.ServerPolicySerializer,
        responses=serializers.ServerPolicySerializer,
        operation_id="routing_policy_replace",
    )
    def put(self, request: Request) -> Response:
        serializer = serializers.ServerPolicySerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with transaction.atomic():
            set_policy(None, serializer.validated_data["policy"], serializer.validated_data.get("ring_time"))
        return self.get(request)


class CallFilter(django_filters.FilterSet):
    call_id = django_filters.CharFilter()
    domain = django_filters.CharFilter(
        field_name="domain__name", lookup_expr="iexact", help_text="The callee's domain."
    )
    caller__ic = django_filters.CharFilter(field_name="caller", lookup_expr="icontains")
    callee__ic = django_filters.CharFilter(field_name="callee", lookup_expr="icontains")
    state = django_filters.CharFilter()
    decision = django_filters.CharFilter()
    status = django_filters.NumberFilter()
    status__gte = django_filters.NumberFilter(field_name="status", lookup_expr="gte")
    status__lt = django_filters.NumberFilter(field_name="status", lookup_expr="lt")
    started__gte = django_filters.IsoDateTimeFilter(field_name="started_at", lookup_expr="gte")
    started__lt = django_filters.IsoDateTimeFilter(field_name="started_at", lookup_expr="lt")

    class Meta:
        model = CallAttempt
        fields: list[str] = []


class CallViewSet(viewsets.ReadOnlyModelViewSet):
    """Call attempts, newest first."""

    scope = "calls"
    queryset = CallAttempt.objects.none()
    serializer_class = serializers.CallSerializer
    filterset_class = CallFilter
    pagination_class = NewestFirst
    lookup_value_regex = r"-?\d{1,19}"

    def get_queryset(self) -> QuerySet:
        return CallAttempt.objects.prefetch_related("branches").order_by("-started_at", "-id")

    def get_serializer_class(self) -> type[serializers.CallSerializer]:
        return serializers.CallSerializer if self.action == "list" else serializers.CallDetailSerializer
