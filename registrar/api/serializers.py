"""Domains, users and third-party rules as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from registrar.call_forwarding import LONGEST_TARGET, TARGETS
from registrar.columns import LARGEST_NUMBER
from registrar.domain_settings import SETTINGS
from registrar.models import Domain, SipUser, ThirdPartyRule
from registrar.tags import parse_tags, tags_of
from sipadmin.provisioning import own_policy, save_domain, save_user
from sipadmin.rest.serializers import AorField, EffectivePolicySerializer, StrictSerializer

FORWARD_TARGET = {"required": False, "allow_blank": True, "max_length": LONGEST_TARGET}
RING_TIME = {"required": False, "allow_null": True, "min_value": 1, "max_value": 3600}


class NamesField(serializers.ListField):
    """Alias rows as a list of their names."""

    def to_representation(self, aliases: Any) -> list[str]:
        return [alias.name for alias in aliases.all()]


class TagsField(serializers.ListField):
    """The text of registrar.tags as a list."""

    def to_representation(self, text: Any) -> list[str]:
        return tags_of(text)

    def to_internal_value(self, data: Any) -> str:
        try:
            return parse_tags(super().to_internal_value(data))
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A domain that redirects",
            {"name": "example.com", "policy": "redirect", "default_expires": 600},
            request_only=True,
        )
    ]
)
class DomainSerializer(StrictSerializer):
    """A domain. ``policy`` and ``ring_time`` are its own; ``effective_policy`` is what decides."""

    BRIEF = ("id", "name", "enabled")

    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=253)
    aliases = NamesField(child=serializers.CharField(max_length=253), required=False, max_length=100)
    policy = serializers.CharField(
        required=False, max_length=270, help_text="inherit, proxy, redirect, forward:URI ..."
    )
    ring_time = serializers.IntegerField(help_text="Seconds; null inherits.", **RING_TIME)
    effective_policy = serializers.SerializerMethodField()
    user_count = serializers.SerializerMethodField()
    version = serializers.IntegerField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    # What a PUT that does not name a member makes of it.
    DEFAULTS = {
        "aliases": [], "policy": "inherit", "ring_time": None,
        **{name: Domain._meta.get_field(name).get_default() for name in SETTINGS},
    }  # fmt: skip

    def get_all_fields(self) -> dict[str, serializers.Field]:
        """The members above, and after the names every setting as the model describes it."""
        fields = super().get_all_fields()
        settings = {name: self.setting(name) for name in SETTINGS}
        first = {name: fields.pop(name) for name in ("id", "name", "aliases")}
        return {**first, **settings, **fields}

    @staticmethod
    def setting(name: str) -> serializers.Field:
        build = serializers.ModelSerializer().build_standard_field
        field_class, options = build(name, Domain._meta.get_field(name))
        options.pop("initial", None)
        return field_class(**{**options, "required": False, "label": None})

    def get_effective_policy(self, domain: Domain) -> EffectivePolicySerializer:
        return self.context["effective"](domain)

    def get_user_count(self, domain: Domain) -> int:
        count = getattr(domain, "user_count", None)
        return domain.users.count() if count is None else count

    def to_representation(self, domain: Domain) -> dict[str, Any]:
        domain.policy, domain.ring_time = stored_policy(domain)
        return super().to_representation(domain)

    def validate_name(self, name: str) -> str:
        name = name.strip().lower()
        wanted = self.context.get("name") or (self.instance.name if self.instance else None)
        if wanted is not None and name != wanted:
            raise serializers.ValidationError("a domain keeps its name; create another one instead")
        if wanted is None and Domain.objects.filter(name=name).exists():
            raise serializers.ValidationError(f"there is already a domain {name}", "unique")
        return name

    def save(self, **more: Any) -> Any:
        values = {**(self.DEFAULTS if self.context.get("replaces") else {}), **self.validated_data}
        name = values.pop("name", None) or self.instance.name
        change = save_domain(name, **values)
        self.instance, self.is_new, self.warnings = change.domain, change.is_new, change.warnings
        return self.instance


def stored_policy(owner: Domain | SipUser) -> tuple[str, int | None]:
    """Policy and ring time set at this very place; costs nothing when the query selected it."""
    if "delivery_policy" in owner._state.fields_cache:
        row = owner._state.fields_cache["delivery_policy"]
        return (row.policy, row.ring_time) if row else ("inherit", None)
    return own_policy(owner)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A user",
            {"username": "carol", "domain": "example.org", "password": "correct horse", "display_name": "Carol"},
            request_only=True,
        )
    ]
)
class UserSerializer(StrictSerializer):
    """A SIP user. Credentials go in and never come out."""

    BRIEF = ("id", "aor", "display_name", "enabled")

    id = serializers.IntegerField(read_only=True)
    aor = serializers.SerializerMethodField(help_text="The key in addresses: bob@example.org")
    uri = serializers.CharField(source="aor", read_only=True)
    username = serializers.CharField(max_length=128)
    domain = serializers.CharField(max_length=253)
    display_name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    password = serializers.CharField(
        write_only=True, required=False, max_length=256, trim_whitespace=False, help_text="Kept only as HA1."
    )
    ha1_md5 = serializers.RegexField(
        r"^[0-9a-fA-F]{32}$",
        write_only=True,
        required=False,
        error_messages={"invalid": "must be 32 hexadecimal digits"},
    )
    ha1_sha256 = serializers.RegexField(
        r"^[0-9a-fA-F]{64}$",
        write_only=True,
        required=False,
        error_messages={"invalid": "must be 64 hexadecimal digits"},
    )
    enabled = serializers.BooleanField(required=False)
    policy = serializers.CharField(
        required=False, max_length=270, help_text="inherit, proxy, redirect, forward:URI ..."
    )
    ring_time = serializers.IntegerField(help_text="Seconds; null inherits.", **RING_TIME)
    effective_policy = serializers.SerializerMethodField()
    aliases = NamesField(child=serializers.CharField(max_length=128), required=False, max_length=100)
    max_contacts = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=LARGEST_NUMBER, help_text="null: the domain's limit."
    )
    may_watch = serializers.BooleanField(
        required=False, help_text="May watch the registrations of every user of the domain (RFC 3680)."
    )
    tags = TagsField(child=serializers.CharField(max_length=40), required=False)
    do_not_disturb = serializers.BooleanField(
        required=False, help_text="No phone rings; callers get 480 or go to forward_busy."
    )
    forward_always = serializers.CharField(help_text="Where all calls go; empty for nowhere.", **FORWARD_TARGET)
    forward_busy = serializers.CharField(help_text="Where calls go when a phone was busy.", **FORWARD_TARGET)
    forward_no_answer = serializers.CharField(
        help_text="Where calls go after the ring time, or without a phone.", **FORWARD_TARGET
    )
    registered = serializers.SerializerMethodField()
    last_registered_at = serializers.SerializerMethodField(help_text="Newest registration that is still remembered.")
    version = serializers.IntegerField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    DEFAULTS = {
        "display_name": "", "enabled": True, "policy": "inherit", "ring_time": None, "aliases": [],
        "max_contacts": None, "may_watch": False, "tags": [], "do_not_disturb": False,
        **dict.fromkeys(TARGETS, ""),
    }  # fmt: skip

    def get_aor(self, user: SipUser) -> str:
        return f"{user.username}@{user.domain.name}"

    def get_effective_policy(self, user: SipUser) -> EffectivePolicySerializer:
        return self.context["effective"](user)

    def get_last_registered_at(self, user: SipUser) -> datetime | None:
        return self.context["last_registered"](user)

    def get_registered(self, user: SipUser) -> bool:
        found = getattr(user, "is_registered", None)
        return user.bindings.live().exists() if found is None else found

    def to_representation(self, user: SipUser) -> dict[str, Any]:
        user.policy, user.ring_time = stored_policy(user)
        return super().to_representation(user)

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        if "password" in values and ("ha1_md5" in values or "ha1_sha256" in values):
            raise serializers.ValidationError({"password": "give a password or HA1 values, not both"})
        wanted = self.context.get("aor") or (
            (self.instance.username, self.instance.domain.name) if self.instance else None
        )
        if wanted is not None:
            for name, right in zip(("username", "domain"), wanted, strict=True):
                if name in values and values[name] != right:
                    raise serializers.ValidationError(
                        {name: f"is {right!r} in the address; HA1 holds the name, so that it cannot change"}
                    )
            values["username"], values["domain"] = wanted
        values["domain"] = find_domain(values["domain"], in_address=wanted is not None)
        is_known = SipUser.objects.filter(domain=values["domain"], username=values["username"]).exists()
        if wanted is None and is_known:
            raise serializers.ValidationError(
                {"username": serializers.ErrorDetail("there is already a user with this name", "unique")}
            )
        has_credentials = any(name in values for name in ("password", "ha1_md5", "ha1_sha256"))
        if not is_known and not has_credentials and values["domain"].auth_register:
            raise serializers.ValidationError(
                {"password": serializers.ErrorDetail("a new user needs a password or HA1 values", "required")}
            )
        return values

    def save(self, **more: Any) -> Any:
        values = {**(self.DEFAULTS if self.context.get("replaces") else {}), **self.validated_data}
        if "tags" in values:
            values["tags"] = values["tags"] or ""
        self.instance, self.is_new = save_user(**values)
        return self.instance


def find_domain(name: str, in_address: bool = False) -> Domain:
    domain = Domain.objects.filter(name=name.strip().lower()).first()
    if domain is None:
        raise serializers.ValidationError({"domain": f"there is no domain {name!r}"})
    return domain


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "For a while",
            {"actor": "alice@example.org", "target": "bob@example.org", "ends_at": "2100-01-01T00:00:00Z"},
            request_only=True,
        )
    ]
)
class ThirdPartyRuleSerializer(StrictSerializer):
    """ "actor may register for target", for ever or until ``ends_at``."""

    id = serializers.IntegerField(read_only=True)
    actor = AorField(help_text="Who registers: alice@example.org")
    target = AorField(help_text="For whom: bob@example.org")
    ends_at = serializers.DateTimeField(required=False, allow_null=True)
    created_at = serializers.DateTimeField(read_only=True)

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        actor = values.get("actor") or self.instance.actor
        target = values.get("target") or self.instance.target
        if actor == target:
            raise serializers.ValidationError({"target": "everybody may register for themselves without a rule"})
        twin = ThirdPartyRule.objects.filter(actor=actor, target=target)
        if self.instance is not None:
            twin = twin.exclude(pk=self.instance.pk)
        if twin.exists():
            raise serializers.ValidationError(
                {"actor": serializers.ErrorDetail("there is already such a rule", "unique")}
            )
        return values

    @transaction.atomic
    def create(self, values: dict[str, Any]) -> ThirdPartyRule:
        return ThirdPartyRule.objects.create(**values)

    @transaction.atomic
    def update(self, rule: ThirdPartyRule, values: dict[str, Any]) -> ThirdPartyRule:
        if not self.partial:
            values = {"ends_at": None, **values}
        for name, value in values.items():
            setattr(rule, name, value)
        rule.save()
        return rule
