"""Routing rules over REST."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db import transaction
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers, viewsets

from proxy.choices import RULE_ACTIONS, RULE_FORKS
from proxy.core.rules import LONGEST_PATTERN, LONGEST_TARGET, MOST_TARGETS
from proxy.models import RoutingRule
from sipadmin.provisioning import ProvisioningError, check_model
from sipadmin.rest.conditions import ConditionalWrites
from sipadmin.rest.serializers import StrictSerializer


@extend_schema_field(str)
class DomainNameField(serializers.Field):
    """A domain by name, null for any."""

    default_error_messages = {"unknown": "there is no domain {name}"}

    def to_representation(self, value: Any) -> str:
        return str(value.name)

    def to_internal_value(self, data: Any) -> Any:
        domains = RoutingRule._meta.get_field("domain").related_model._default_manager
        found = domains.filter(name=data.strip().lower()).first() if isinstance(data, str) else None
        if found is None:
            self.fail("unknown", name=repr(data)[:300])
        return found


class MatchSerializer(StrictSerializer):
    """What the rule looks at. What is left out, empty or null matches everything."""

    domain = DomainNameField(required=False, allow_null=True, help_text="Of the called user: example.org")
    user_pattern = serializers.CharField(
        required=False, allow_blank=True, max_length=LONGEST_PATTERN, help_text="As dialled, such as 0049*"
    )
    method = serializers.CharField(required=False, allow_blank=True, max_length=100, help_text="INVITE, MESSAGE")
    source_cidr = serializers.CharField(required=False, allow_blank=True, max_length=43, help_text="192.0.2.0/24")
    caller = serializers.CharField(
        required=False, allow_blank=True, max_length=LONGEST_PATTERN,
        help_text="From, such as *@example.org. When empty: anybody, but targets elsewhere are for users only.",
    )  # fmt: skip

    DEFAULTS = {"domain": None, "user_pattern": "", "method": "", "source_cidr": "", "caller": ""}


class RoutingRuleSerializer(StrictSerializer):
    """One rule. The lowest priority that fits decides, before the policy of user, domain and server."""

    id = serializers.IntegerField(read_only=True)
    priority = serializers.IntegerField(min_value=0, max_value=1_000_000)
    description = serializers.CharField(required=False, allow_blank=True, max_length=100)
    enabled = serializers.BooleanField(required=False)
    match = MatchSerializer(required=False, source="*")
    action = serializers.ChoiceField(choices=list(RULE_ACTIONS.items()))
    fork = serializers.ChoiceField(required=False, choices=list(RULE_FORKS.items()), help_text="How targets ring.")
    targets = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_TARGET), required=False, max_length=MOST_TARGETS,
        help_text="SIP URIs, or <URI>;q=0.5; the user's own phones when empty.",
    )  # fmt: skip
    reject_code = serializers.IntegerField(required=False, allow_null=True, min_value=400, max_value=699)
    version = serializers.IntegerField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    DEFAULTS = {
        "description": "", "enabled": True, "fork": "by-q", "targets": [], "reject_code": None,
        **MatchSerializer.DEFAULTS,
    }  # fmt: skip
    MATCH = tuple(MatchSerializer.DEFAULTS)

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        """Whole rules are judged: what a PATCH does not name is what is there."""
        rule = self.draft(values)
        try:
            check_model(rule)
        except ProvisioningError as error:
            errors: dict[str, Any] = {name: text for name, text in error.errors.items() if name not in self.MATCH}
            matching = {name: text for name, text in error.errors.items() if name in self.MATCH}
            raise serializers.ValidationError({**errors, **({"match": matching} if matching else {})}) from None
        return values

    def draft(self, values: dict[str, Any]) -> RoutingRule:
        """The rule as it would be, unsaved."""
        base = {} if self.instance is None else {
            field.name: getattr(self.instance, field.name) for field in RoutingRule._meta.concrete_fields
        }  # fmt: skip
        defaults = self.DEFAULTS if not self.partial else {}
        rule = RoutingRule(**{**base, **defaults, **values})
        rule._state.adding = self.instance is None
        return rule

    @transaction.atomic
    def create(self, values: dict[str, Any]) -> RoutingRule:
        return RoutingRule.objects.create(**values)

    @transaction.atomic
    def update(self, rule: RoutingRule, values: dict[str, Any]) -> RoutingRule:
        for name, value in {**({} if self.partial else self.DEFAULTS), **values}.items():
            setattr(rule, name, value)
        rule.version += 1
        rule.save()
        return rule


class RoutingRuleFilter(django_filters.FilterSet):
    domain = django_filters.CharFilter(field_name="domain__name", lookup_expr="iexact")
    action = django_filters.ChoiceFilter(choices=list(RULE_ACTIONS.items()))
    enabled = django_filters.BooleanFilter()
    q = django_filters.CharFilter(field_name="description", lookup_expr="icontains")

    class Meta:
        model = RoutingRule
        fields: list[str] = []


class RoutingRuleViewSet(ConditionalWrites, viewsets.ModelViewSet):
    """What becomes of requests for users of ours, before their own policy is asked."""

    scope = "routing"
    serializer_class = RoutingRuleSerializer
    filterset_class = RoutingRuleFilter
    queryset = RoutingRule.objects.select_related("domain").order_by("priority", "id")
    lookup_value_regex = r"\d{1,18}"
