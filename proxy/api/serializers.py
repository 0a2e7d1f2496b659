"""The server's delivery policy and the call attempts as JSON."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from proxy.models import CallAttempt, CallBranch
from sipadmin.rest.serializers import ChosenFields, StrictSerializer


@extend_schema_serializer(
    examples=[OpenApiExample("Redirect", {"policy": "redirect", "ring_time": 25}, request_only=True)]
)
class ServerPolicySerializer(StrictSerializer):
    """What holds where neither the user nor the domain says otherwise."""

    policy = serializers.CharField(max_length=270, help_text="proxy, redirect, forward:URI, refuse:CODE ...")
    ring_time = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=3600, help_text="Seconds; null is the built-in value."
    )


class CallBranchSerializer(serializers.ModelSerializer):
    class Meta:
        model = CallBranch
        fields = [
            "position", "group", "target", "next_hop", "user_agent", "joined_late", "state", "status", "reason",
            "started_at", "ended_at",
        ]  # fmt: skip
        read_only_fields = fields


class CallSerializer(ChosenFields, serializers.ModelSerializer):
    """A call attempt, as lists show it."""

    BRIEF = ("id", "call_id", "caller", "callee", "state", "status", "started_at")

    branches = CallBranchSerializer(many=True, read_only=True)

    class Meta:
        model = CallAttempt
        fields = [
            "id", "call_id", "caller", "callee", "source", "decision", "policy", "policy_origin", "state", "status",
            "reason", "explanation", "started_at", "ringing_at", "ended_at", "hung_up_at", "branches",
        ]  # fmt: skip
        read_only_fields = fields


class CallDetailSerializer(CallSerializer):
    """With the decision record."""

    steps = serializers.SerializerMethodField(help_text="What was decided, by which rule and section, in order.")

    class Meta(CallSerializer.Meta):
        fields = [*CallSerializer.Meta.fields, "steps"]
        read_only_fields = fields

    def get_steps(self, attempt: CallAttempt) -> list[Any]:
        return attempt.steps
