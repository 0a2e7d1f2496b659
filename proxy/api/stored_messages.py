"""Messages that wait for their users, over REST: what there is, never what it says."""

from __future__ import annotations

import django_filters
from django.db import transaction
from django.db.models import QuerySet
from rest_framework import mixins, serializers, viewsets

from proxy.models import StoredMessage
from sipadmin.changes import record_change
from sipadmin.rest.serializers import ChosenFields, split_aor


class StoredMessageSerializer(ChosenFields, serializers.ModelSerializer):
    """A message that waits. Its text is for its user alone."""

    aor = serializers.CharField(source="user", read_only=True, help_text="For whom: bob@example.org")

    class Meta:
        model = StoredMessage
        fields = ["id", "aor", "sender", "content_type", "size", "received_at", "expires_at", "attempts"]
        read_only_fields = fields


class StoredMessageFilter(django_filters.FilterSet):
    aor = django_filters.CharFilter(method="filter_aor", help_text="bob@example.org")
    sender__ic = django_filters.CharFilter(field_name="sender", lookup_expr="icontains")

    class Meta:
        model = StoredMessage
        fields: list[str] = []

    def filter_aor(self, queryset: QuerySet, name: str, text: str) -> QuerySet:
        username, domain = split_aor(text)
        return queryset.filter(user__username=username, user__domain__name=domain)


class StoredMessageViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, viewsets.GenericViewSet
):
    """Messages for users who are away, oldest first. Deleted ones are not delivered any more."""

    scope = "users"
    serializer_class = StoredMessageSerializer
    filterset_class = StoredMessageFilter
    queryset = StoredMessage.objects.defer("message").select_related("user__domain").order_by("id")
    lookup_value_regex = r"\d{1,18}"

    def perform_destroy(self, message: StoredMessage) -> None:
        remove_stored(StoredMessage.objects.filter(pk=message.pk), message.user_id)


def remove_stored(messages: QuerySet[StoredMessage], user_id: int) -> int:
    """Delete messages of one user for an administrator, and tell the engine; gives their number."""
    with transaction.atomic():
        count: int = messages.delete()[0]
        record_change("messages", user_id)
    return count
