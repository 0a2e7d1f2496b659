"""Bindings and static contacts as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from registrar.devices import flow_text, public_gruu
from registrar.models import Binding, StaticContact
from sipadmin.rest.serializers import AorField, ChosenFields, StrictSerializer, split_aor
from sipadmin.static_contacts import add_static_contact


class ReachSerializer(serializers.Serializer):
    """Whether a phone answers, as far as calls, probes and its connection have shown."""

    reachable = serializers.BooleanField()
    round_trip = serializers.FloatField(allow_null=True, help_text="Seconds, of the last probe that was answered.")
    last_answer = serializers.IntegerField(allow_null=True, help_text="Status code of its last response.")
    answered_at = serializers.DateTimeField(allow_null=True)
    failed_at = serializers.DateTimeField(allow_null=True)
    failures = serializers.IntegerField(help_text="In a row.")
    reason = serializers.CharField(help_text="Of the last failure; empty while it answers.")


class BindingSerializer(ChosenFields, serializers.ModelSerializer):
    """One contact of one user, as it is registered now."""

    BRIEF = ("id", "aor", "contact", "expires_at")

    aor = serializers.SerializerMethodField()
    static = serializers.BooleanField(source="is_static", help_text="Set by an administrator, and never expires.")
    expires_at = serializers.SerializerMethodField(help_text="null: never, for it is static.")
    is_third_party = serializers.SerializerMethodField(help_text="Registered by somebody else than its user.")
    is_outbound = serializers.BooleanField(help_text="Reached by its flow or path only (RFC 5626).")
    flow = serializers.SerializerMethodField(help_text="The way its REGISTER came: transport and address.")
    gruu = serializers.SerializerMethodField(help_text="The address that leads to this phone only (RFC 5627).")
    reach = serializers.SerializerMethodField(help_text="null: nothing is known, or the engine is down.")

    class Meta:
        model = Binding
        fields = [
            "id", "aor", "contact", "contact_parameters", "q", "expires_at", "transport", "received_from",
            "path", "instance_id", "reg_id", "is_outbound", "flow", "gruu", "reach",
            "user_agent", "methods", "call_id", "cseq", "registered_by",
            "is_third_party", "static", "created_at", "refreshed_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_aor(self, binding: Binding) -> str:
        return str(binding.user)

    def get_expires_at(self, binding: Binding) -> datetime | None:
        return None if binding.is_static else binding.expires_at

    def get_flow(self, binding: Binding) -> str | None:
        return flow_text(binding)

    def get_gruu(self, binding: Binding) -> str | None:
        return public_gruu(binding)

    @extend_schema_field(ReachSerializer(allow_null=True))
    def get_reach(self, binding: Binding) -> dict[str, Any] | None:
        found = self.context.get("reach", {}).get(binding.pk)
        return dict(ReachSerializer(found).data) if found is not None else None

    def get_is_third_party(self, binding: Binding) -> bool:
        return bool(binding.registered_by) and split_aor(binding.registered_by) != split_aor(binding.user.aor)


class StaticContactSerializer(StrictSerializer):
    """A contact that never expires, to be set for a user."""

    aor = AorField(help_text="bob@example.org")
    contact = serializers.CharField(max_length=1024, help_text="A URI, such as sip:door@192.0.2.7")
    q = serializers.FloatField(required=False, default=1.0, min_value=0, max_value=1)
    user_agent = serializers.CharField(required=False, default="", allow_blank=True, max_length=120)
    static = serializers.BooleanField(help_text="true: what is registered can only be set by its phone.")

    def validate_static(self, is_static: bool) -> bool:
        if not is_static:
            raise serializers.ValidationError("only static contacts can be set here; phones register the others")
        return is_static

    def create(self, values: dict[str, Any]) -> StaticContact:
        return add_static_contact(values["aor"], values["contact"], values["q"], values["user_agent"])
