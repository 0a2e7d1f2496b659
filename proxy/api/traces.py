"""The messages of a call, its exports, and what is recorded, over REST."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from proxy.call_views import export, find_attempt, read_call
from proxy.ladder.exports import EXPORTS, message_facts
from proxy.ladder.load import messages_of
from proxy.models import RecordingSettings
from proxy.recording import cost, save_rules
from proxy.trace.levels import RecordingRules
from proxy.trace.rows import load_rules
from sipadmin.accounts.roles import is_administrator
from sipadmin.rest.serializers import StrictSerializer


class CallMessageSerializer(serializers.Serializer):
    """One message as this server received or sent it, with digests, keys and passwords masked."""

    sequence = serializers.IntegerField(help_text="Order in which the server saw and sent the messages.")
    at = serializers.FloatField(help_text="Seconds since 1970.")
    direction = serializers.ChoiceField(["in", "out"])
    transport = serializers.CharField()
    source = serializers.CharField(help_text="host:port")
    destination = serializers.CharField(help_text="host:port")
    is_retransmission = serializers.BooleanField()
    first_line = serializers.CharField()
    method = serializers.CharField(help_text="Of the request; of a response the method it answers.")
    status = serializers.IntegerField(allow_null=True)
    has_sdp = serializers.BooleanField()
    has_body = serializers.BooleanField(help_text="The body is part of text.")
    size = serializers.IntegerField(help_text="Bytes on the wire.")
    text = serializers.CharField()


class CallMessagesSerializer(serializers.Serializer):
    count = serializers.IntegerField()
    results = CallMessageSerializer(many=True)


class CallMessagesView(APIView):
    """Every message of the call, in order; all at once, for there are at most 300. Bodies are for administrators."""

    scope = "calls"

    @extend_schema(responses=CallMessagesSerializer, operation_id="calls_messages_list")
    def get(self, request: Request, pk: str) -> Response:
        messages = messages_of(find_attempt(int(pk)), with_bodies=is_administrator(request.user))
        return Response({"count": len(messages), "results": [message_facts(message) for message in messages]})


class AnyAccepted(BaseContentNegotiation):
    """The address says which form is wanted."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class CallExportView(APIView):
    """The call as a file: txt, svg, json or pcap."""

    scope = "calls"
    content_negotiation_class = AnyAccepted

    @extend_schema(
        responses={
            (200, found.content_type.partition(";")[0]): OpenApiResponse(OpenApiTypes.BINARY, description=found.label)
            for found in EXPORTS.values()
        },
        operation_id="calls_export",
    )
    def get(self, request: Request, pk: str, kind: str) -> HttpResponse:
        return export(read_call(int(pk), with_bodies=is_administrator(request.user)), kind, f"call-{pk}")


class RecordingSerializer(StrictSerializer, serializers.ModelSerializer):
    """What is kept, and what that costs now."""

    cost = serializers.SerializerMethodField()

    class Meta:
        model = RecordingSettings
        fields = [*RecordingRules._fields, "cost"]

    def get_cost(self, rules: Any) -> dict[str, float]:
        return cost()


class RecordingView(APIView):
    """What is kept of calls and refused requests, and for how long."""

    scope = "routing"

    @extend_schema(responses=RecordingSerializer, operation_id="recording_read")
    def get(self, request: Request) -> Response:
        return Response(RecordingSerializer(load_rules()).data)

    @extend_schema(request=RecordingSerializer, responses=RecordingSerializer, operation_id="recording_change")
    def patch(self, request: Request) -> Response:
        serializer = RecordingSerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        save_rules(**serializer.validated_data)
        return self.get(request)
