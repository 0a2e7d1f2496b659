"""Webhooks over REST: /webhooks/ and what became of their messages."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from registrar.models import Domain
from sipadmin.audit.context import current
from sipadmin.event_types import TYPES
from sipadmin.rest.conditions import ConditionalWrites
from sipadmin.rest.pagination import ById
from sipadmin.rest.serializers import ChosenFields, StrictSerializer
from sipadmin.webhooks.hooks import known_type, new_secret, newest_event, queue_test, replay, seal
from sipadmin.webhooks.message import secret_text
from sipadmin.webhooks.models import Delivery, Webhook
from sipadmin.webhooks.target import TargetRefused, check_url


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "All registrations",
            {"name": "crm", "url": "https://example.org/hook", "types": ["registration.*"]},
            request_only=True,
        )
    ]
)
class WebhookSerializer(StrictSerializer):
    """Where events are sent. The signing secret is in the answer to its creation and nowhere else."""

    BRIEF = ("id", "name", "url", "enabled")

    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=80)
    url = serializers.CharField(max_length=500, help_text="https://... Private addresses must be allowed first.")
    types = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, max_length=50,
        help_text=f"Empty: all. Some of {', '.join(TYPES)}, or registration.* for all that begin so.",
    )  # fmt: skip
    domain = serializers.CharField(
        max_length=253, required=False, allow_blank=True, help_text="Only what is about users of this domain."
    )
    enabled = serializers.BooleanField(required=False)
    disabled_reason = serializers.CharField(read_only=True, help_text="Why the server itself disabled it.")
    failing_since = serializers.DateTimeField(read_only=True, allow_null=True)
    waiting = serializers.SerializerMethodField(help_text="Messages that are still to be delivered.")
    version = serializers.IntegerField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def get_waiting(self, hook: Webhook) -> int:
        found = getattr(hook, "waiting_count", None)
        return hook.deliveries.filter(state=Delivery.WAITING).count() if found is None else found

    def validate_name(self, name: str) -> str:
        twin = Webhook.objects.filter(name=name)
        if self.instance is not None:
            twin = twin.exclude(pk=self.instance.pk)
        if twin.exists():
            raise serializers.ValidationError("there is already a webhook with this name", "unique")
        return name

    def validate_url(self, url: str) -> str:
        try:
            check_url(url)
        except TargetRefused as error:
            raise serializers.ValidationError(str(error)) from None
        return url

    def validate_types(self, types: list[str]) -> list[str]:
        for text in types:
            if not known_type(text):
                raise serializers.ValidationError(f"{text!r} is no type of event; there are {', '.join(TYPES)}")
        return types

    def validate_domain(self, name: str) -> str:
        name = name.strip().lower()
        if name and not Domain.objects.filter(name=name).exists():
            raise serializers.ValidationError(f"there is no domain {name!r}")
        return name

    def create(self, values: dict[str, Any]) -> Webhook:
        key = new_secret()
        self.secret = secret_text(key)
        return Webhook.objects.create(**values, sealed_secret=seal(key), last_event_id=newest_event())

    def update(self, hook: Webhook, values: dict[str, Any]) -> Webhook:
        if not self.partial:
            values = {"types": [], "domain": "", "enabled": True, **values}
        if values.get("enabled") and not hook.enabled:
            # What happened while it was off is not sent; /events/ has it.
            hook.disabled_reason, hook.failing_since, hook.last_event_id = "", None, newest_event()
        for name, value in values.items():
            setattr(hook, name, value)
        hook.version += 1
        hook.save()
        return hook


class NewWebhookSerializer(WebhookSerializer):
    """The one answer with the secret."""

    secret = serializers.CharField(read_only=True, help_text="whsec_...: keep it, it is not shown again.")


class SecretSerializer(serializers.Serializer):
    secret = serializers.CharField(help_text="whsec_...: keep it, it is not shown again.")


class AttemptSerializer(serializers.Serializer):
    """One try."""

    at = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True)
    error = serializers.CharField()
    ms = serializers.IntegerField()


class DeliverySerializer(ChosenFields, serializers.ModelSerializer):
    """One message to one webhook."""

    BRIEF = ("id", "message_id", "type", "state")

    attempts = AttemptSerializer(many=True, read_only=True)

    class Meta:
        model = Delivery
        fields = [
            "id", "message_id", "event_id", "type", "body", "state", "attempts", "next_attempt_at", "created_at",
            "finished_at",
        ]  # fmt: skip
        read_only_fields = fields


class ReplaySerializer(StrictSerializer):
    """Which messages to send again."""

    ids = serializers.ListField(child=serializers.IntegerField(), min_length=1, max_length=1000)


class ReplayedSerializer(serializers.Serializer):
    queued = serializers.IntegerField()


class WebhookFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(field_name="name", lookup_expr="icontains")
    enabled = django_filters.BooleanFilter()
    ordering = django_filters.OrderingFilter(fields=["name", "created_at", "updated_at"])

    class Meta:
        model = Webhook
        fields: list[str] = []


class WebhookViewSet(ConditionalWrites, viewsets.ModelViewSet):
    """Webhooks in the form of standardwebhooks.com. For administrators."""

    scope = "webhooks"
    for_administrators = True
    queryset = Webhook.objects.none()
    serializer_class = WebhookSerializer
    filterset_class = WebhookFilter
    lookup_value_regex = r"\d{1,18}"

    def get_queryset(self) -> QuerySet:
        waiting = Count("deliveries", filter=Q(deliveries__state=Delivery.WAITING))
        return Webhook.objects.annotate(waiting_count=waiting).order_by("name")

    @extend_schema(responses={201: NewWebhookSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response = super().create(request, *args, **kwargs)
        response.data = {**response.data, "secret": self.made.secret}
        response["Cache-Control"] = "no-store"
        return response

    def perform_create(self, serializer: Any) -> None:
        serializer.save()
        self.made = serializer

    @extend_schema(request=None, responses=SecretSerializer)
    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, pk: str) -> Response:
        """A new secret, at once; the old one signs nothing any more."""
        hook, key = self.get_object(), new_secret()
        with transaction.atomic():
            hook.sealed_secret = seal(key)
            hook.version += 1
            hook.save()
        return Response({"secret": secret_text(key)}, headers={"Cache-Control": "no-store"})

    @extend_schema(request=None, responses={202: DeliverySerializer})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str) -> Response:
        """Queue a message of the type webhook.test; its delivery tells what came of it."""
        return Response(DeliverySerializer(queue_test(self.get_object(), current().actor)).data, status=202)


class DeliveryFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=[(one, one) for one in ("waiting", "delivered", "failed")])
    type = django_filters.CharFilter()
    event_id = django_filters.NumberFilter()
    ordering = django_filters.ChoiceFilter(choices=[("id", "oldest first"), ("-id", "newest first")], method="keep")

    class Meta:
        model = Delivery
        fields: list[str] = []

    def keep(self, queryset: QuerySet, name: str, text: str) -> QuerySet:
        return queryset  # the pages are cut in that order


class DeliveryViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """What was sent to a webhook, and what came of it. Delivered ones are kept 3 days, failed ones 30."""

    scope = "webhooks"
    for_administrators = True
    queryset = Delivery.objects.none()
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilter
    pagination_class = ById
    lookup_value_regex = r"\d{1,18}"

    def get_queryset(self) -> QuerySet:
        if not Webhook.objects.filter(pk=self.kwargs["webhook"]).exists():
            raise Http404("There is no such webhook.")
        return Delivery.objects.filter(webhook=self.kwargs["webhook"]).order_by("-id")

    @extend_schema(request=ReplaySerializer, responses={202: ReplayedSerializer})
    @action(detail=False, methods=["post"])
    def replay(self, request: Request, webhook: int) -> Response:
        """Send messages again, with the identity they had; what still waits is left alone."""
        serializer = ReplaySerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        rows = self.get_queryset().filter(pk__in=serializer.validated_data["ids"])
        return Response({"queued": replay(rows)}, status=202)
