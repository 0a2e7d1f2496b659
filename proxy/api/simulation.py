"""POST /api/v1/routing/simulate/: what would happen, and why. Changes nothing and sends nothing."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from proxy.api.routing_rules import RoutingRuleSerializer
from proxy.asking import BadQuestion, ask, rule_columns
from proxy.choices import parse_policy
from proxy.models import RoutingRule
from sipadmin.rest.serializers import StrictSerializer


class DraftPolicySerializer(StrictSerializer):
    """A delivery policy that nobody has saved: of a user, of a domain, or (neither) of the server."""

    user = serializers.CharField(required=False, max_length=400, help_text="bob@example.org")
    domain = serializers.CharField(required=False, max_length=253)
    policy = serializers.CharField(max_length=270)
    ring_time = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=3600)

    def validate_policy(self, text: str) -> str:
        try:
            return str(parse_policy(text))
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None


class DraftUserSerializer(StrictSerializer):
    """Settings of a user that nobody has saved."""

    aor = serializers.CharField(max_length=400, help_text="bob@example.org")
    enabled = serializers.BooleanField(required=False)
    do_not_disturb = serializers.BooleanField(required=False)
    forward_always = serializers.CharField(required=False, allow_blank=True, max_length=256)
    forward_busy = serializers.CharField(required=False, allow_blank=True, max_length=256)
    forward_no_answer = serializers.CharField(required=False, allow_blank=True, max_length=256)


class DraftRuleSerializer(StrictSerializer):
    """A routing rule that nobody has saved: a new one, or with ``id`` the changes of one; or its end."""

    id = serializers.IntegerField(required=False, min_value=1)
    is_deleted = serializers.BooleanField(required=False)
    rule = serializers.DictField(required=False, help_text="Members of a routing rule.")

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        instance = None
        if "id" in values:
            instance = RoutingRule.objects.filter(pk=values["id"]).first()
            if instance is None:
                raise serializers.ValidationError({"id": f"there is no routing rule {values['id']}"})
        if values.get("is_deleted"):
            if instance is None:
                raise serializers.ValidationError({"id": "which rule is deleted?"})
            return {"id": instance.pk, "is_deleted": True}
        inner = RoutingRuleSerializer(instance, data=values.get("rule") or {}, partial=instance is not None)
        if not inner.is_valid():
            raise serializers.ValidationError({"rule": inner.errors})
        return rule_columns(inner.draft(inner.validated_data))


class DraftSerializer(StrictSerializer):
    """One edit to look at before it is made."""

    rule = DraftRuleSerializer(required=False)
    policy = DraftPolicySerializer(required=False)
    user = DraftUserSerializer(required=False)

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        if len(values) != 1:
            raise serializers.ValidationError("give one of rule, policy and user")
        return values


class QuestionSerializer(StrictSerializer):
    """Who calls whom, how and from where."""

    to = serializers.CharField(max_length=2000, help_text="bob@example.org, or a whole URI")
    method = serializers.CharField(required=False, max_length=32, default="INVITE")
    source = serializers.IPAddressField(required=False, default="127.0.0.1", help_text="Where it comes from.")
    protocol = serializers.ChoiceField(required=False, choices=["udp", "tcp", "tls", "ws", "wss"], default="udp")
    at = serializers.DateTimeField(required=False, allow_null=True, default=None, help_text="When; now when null.")
    draft = DraftSerializer(required=False, allow_null=True, default=None)

    def get_fields(self) -> dict[str, serializers.Field]:
        # "from" is a word of Python, so that it cannot be written as a member.
        caller = serializers.CharField(
            required=False, default="", allow_blank=True, max_length=2000, help_text="alice@example.org, or a whole URI"
        )
        return {"from": caller, **super().get_fields()}


class StepSerializer(serializers.Serializer):
    text = serializers.CharField()
    rule = serializers.CharField(help_text="Rule of the acceptance list, or empty.")
    section = serializers.CharField(help_text="Of RFC 3261 unless it names another.")


class TargetSerializer(serializers.Serializer):
    group = serializers.IntegerField(help_text="Targets of one group are tried together, groups one after another.")
    uri = serializers.CharField()
    q = serializers.FloatField()
    user_agent = serializers.CharField()
    next_hop = serializers.CharField(
        help_text="udp:192.0.2.9:5060; empty when a name has to be looked up first, or no way is left."
    )
    reason = serializers.CharField()


class AnswerSerializer(serializers.Serializer):
    status = serializers.IntegerField()
    reason = serializers.CharField()
    contacts = serializers.ListField(child=serializers.CharField())


class OutcomeSerializer(serializers.Serializer):
    """What would happen. ``answer`` is null while targets would be tried."""

    decision = serializers.ChoiceField(choices=["proxy", "forward", "redirect", "refuse", "answer", "store"])
    sentence = serializers.CharField()
    policy = serializers.CharField()
    policy_origin = serializers.CharField()
    ring_time = serializers.FloatField(allow_null=True)
    steps = StepSerializer(many=True)
    targets = TargetSerializer(many=True)
    answer = AnswerSerializer(allow_null=True)
    names_to_look_up = serializers.ListField(child=serializers.CharField())


class SimulationSerializer(OutcomeSerializer):
    """With ``after``: the same with the draft, null without one."""

    is_banned = serializers.BooleanField(help_text="Nothing from this source is heard at present.")
    after = OutcomeSerializer(allow_null=True)


class SimulateView(APIView):
    """Ask what would become of a request: the engine's own proxy decides, on an endpoint that sends nothing."""

    scope = "routing"
    asks = True

    @extend_schema(request=QuestionSerializer, responses=SimulationSerializer, operation_id="routing_simulate")
    def post(self, request: Request) -> Response:
        question = QuestionSerializer(data=request.data)
        question.is_valid(raise_exception=True)
        values = question.validated_data
        at = values["at"].isoformat() if values["at"] is not None else None
        try:
            facts = ask(
                values["from"],
                values["to"],
                values["method"],
                values["source"],
                at,
                values["draft"],
                values["protocol"],
            )
        except BadQuestion as error:
            raise serializers.ValidationError(str(error)) from None
        return Response(facts)
