"""The event log over REST: GET /events/."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.exceptions import ValidationError

from sipadmin.event_types import TYPES
from sipadmin.models import Event
from sipadmin.rest.pagination import ById
from sipadmin.rest.serializers import ChosenFields


class EventSerializer(ChosenFields, serializers.ModelSerializer):
    """Something that happened. ``data`` depends on the type."""

    BRIEF = ("id", "ts", "type", "subject")

    type = serializers.CharField(read_only=True, help_text=", ".join(TYPES))
    data = serializers.DictField(read_only=True)

    class Meta:
        model = Event
        fields = ["id", "ts", "type", "subject", "data"]
        read_only_fields = fields


class EventFilter(django_filters.FilterSet):
    type = django_filters.CharFilter(
        method="filter_type", help_text="One or several, with commas; registration.* means all that begin so."
    )
    subject = django_filters.CharFilter(help_text="sip:bob@example.org")
    id__gt = django_filters.NumberFilter(field_name="id", lookup_expr="gt", help_text="What came after this event.")
    ts__gte = django_filters.IsoDateTimeFilter(field_name="ts", lookup_expr="gte")
    ts__lt = django_filters.IsoDateTimeFilter(field_name="ts", lookup_expr="lt")
    ordering = django_filters.ChoiceFilter(
        choices=[("id", "oldest first"), ("-id", "newest first")], method="filter_ordering"
    )

    class Meta:
        model = Event
        fields: list[str] = []

    def filter_type(self, queryset: QuerySet, name: str, text: str) -> QuerySet:
        return queryset.filter(type__in=matching_types(text))

    def filter_ordering(self, queryset: QuerySet, name: str, text: str) -> QuerySet:
        return queryset  # the pages are cut in that order


def matching_types(text: str) -> list[str]:
    """The types that ``call.ended,registration.*`` names; ValidationError for one that names none."""
    found: list[str] = []
    for word in text.split(","):
        word = word.strip()
        names = [name for name in TYPES if name == word or (word.endswith("*") and name.startswith(word[:-1]))]
        if not names:
            raise ValidationError({"type": f"{word!r} is no type of event; there are {', '.join(TYPES)}"})
        found += names
    return found


@extend_schema(summary="Events, newest first")
class EventViewSet(viewsets.ReadOnlyModelViewSet):
    """What happened: registrations, calls, failed logins, bans. Kept 30 days, refreshes two."""

    scope = "events"
    queryset = Event.objects.order_by("-id")
    serializer_class = EventSerializer
    filterset_class = EventFilter
    pagination_class = ById
    lookup_value_regex = r"\d{1,18}"
