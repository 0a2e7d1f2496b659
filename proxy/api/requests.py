"""Decisions about single requests over REST."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet
from rest_framework import serializers, viewsets

from proxy.models import RequestRecord
from sipadmin.rest.pagination import NewestFirst
from sipadmin.rest.serializers import ChosenFields


class RequestRecordSerializer(ChosenFields, serializers.ModelSerializer):
    """Equal requests of one source within an hour; the texts are those of the latest."""

    class Meta:
        model = RequestRecord
        fields = [
            "id", "method", "host", "source", "sender", "target", "call_id", "user_agent", "status", "reason", "steps",
            "count", "first_at", "last_at",
        ]  # fmt: skip
        read_only_fields = fields


class RequestFilter(django_filters.FilterSet):
    method = django_filters.CharFilter()
    host = django_filters.CharFilter(help_text="Numeric host of the source.")
    target__ic = django_filters.CharFilter(field_name="target", lookup_expr="icontains")
    sender__ic = django_filters.CharFilter(field_name="sender", lookup_expr="icontains")
    status = django_filters.NumberFilter()
    status__gte = django_filters.NumberFilter(field_name="status", lookup_expr="gte")
    last__gte = django_filters.IsoDateTimeFilter(field_name="last_at", lookup_expr="gte")

    class Meta:
        model = RequestRecord
        fields: list[str] = []


class ByLatest(NewestFirst):
    ordering = ("-last_at", "-id")


class RequestRecordViewSet(viewsets.ReadOnlyModelViewSet):
    """What was decided about REGISTERs and about whatever was refused, newest first, with the decision record."""

    scope = "calls"
    queryset = RequestRecord.objects.none()
    serializer_class = RequestRecordSerializer
    filterset_class = RequestFilter
    pagination_class = ByLatest
    lookup_value_regex = r"-?\d{1,19}"

    def get_queryset(self) -> QuerySet:
        return RequestRecord.objects.order_by("-last_at", "-id")
