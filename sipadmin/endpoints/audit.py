"""The audit trail over REST: GET /audit/."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets

from sipadmin.models import AuditEntry
from sipadmin.rest.pagination import ById
from sipadmin.rest.serializers import ChosenFields


class AuditEntrySerializer(ChosenFields, serializers.ModelSerializer):
    """A change somebody made: ``changes`` is {field: [before, after]}, without any secret."""

    BRIEF = ("id", "ts", "actor", "action", "subject")

    changes = serializers.DictField(child=serializers.ListField(min_length=2, max_length=2), read_only=True)

    class Meta:
        model = AuditEntry
        fields = ["id", "ts", "actor", "source", "action", "subject", "changes", "reason", "request_id"]
        read_only_fields = fields


class AuditFilter(django_filters.FilterSet):
    actor = django_filters.CharFilter()
    actor__ic = django_filters.CharFilter(field_name="actor", lookup_expr="icontains")
    action = django_filters.CharFilter(method="filter_action", help_text="user.changed, or user.* for all of users.")
    subject = django_filters.CharFilter(help_text="bob@example.org")
    request_id = django_filters.CharFilter()
    ts__gte = django_filters.IsoDateTimeFilter(field_name="ts", lookup_expr="gte")
    ts__lt = django_filters.IsoDateTimeFilter(field_name="ts", lookup_expr="lt")
    ordering = django_filters.ChoiceFilter(
        choices=[("id", "oldest first"), ("-id", "newest first")], method="filter_ordering"
    )

    class Meta:
        model = AuditEntry
        fields: list[str] = []

    def filter_action(self, queryset: QuerySet, name: str, text: str) -> QuerySet:
        return queryset.filter(action__startswith=text[:-1]) if text.endswith("*") else queryset.filter(action=text)

    def filter_ordering(self, queryset: QuerySet, name: str, text: str) -> QuerySet:
        return queryset  # the pages are cut in that order


@extend_schema(summary="The audit trail, newest first")
class AuditViewSet(viewsets.ReadOnlyModelViewSet):
    """Who changed what, from what to what, from where and why. Kept 400 days. For administrators."""

    scope = "audit"
    for_administrators = True
    queryset = AuditEntry.objects.order_by("-id")
    serializer_class = AuditEntrySerializer
    filterset_class = AuditFilter
    pagination_class = ById
    lookup_value_regex = r"\d{1,18}"
