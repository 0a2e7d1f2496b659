"""What the serializers of both apps share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from registrar.models import SipUser


class ChosenFields(serializers.Serializer):
    """What is read can be cut to what is wanted: ``?fields=a,b``, ``?omit=a,b`` or ``?brief=true`` (``BRIEF``)."""

    BRIEF: tuple[str, ...] = ()

    def get_all_fields(self) -> dict[str, serializers.Field]:
        """All there are; for those who add some."""
        return super().get_fields()

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = self.get_all_fields()
        request = self.context.get("request")
        is_outermost = self.parent is None or (
            isinstance(self.parent, serializers.ListSerializer) and self.parent.parent is None
        )
        if request is None or request.method not in ("GET", "HEAD") or not is_outermost:
            return fields
        return {name: fields[name] for name in chosen(request.query_params, list(fields), self.BRIEF)}


def chosen(query: Mapping[str, str], names: Sequence[str], brief: Sequence[str] = ()) -> list[str]:
    """Those of ``names`` that the query wants, in their order; ValidationError for one that is none."""
    given = {key: [word.strip() for word in query[key].split(",")] for key in ("fields", "omit") if key in query}
    for key, words in given.items():
        unknown = [word for word in words if word not in names]
        if unknown:
            raise serializers.ValidationError(
                {key: f"{', '.join(map(repr, unknown))}: there is no such field; there are {', '.join(names)}"}
            )
    text = query.get("brief", "false").lower()
    if text not in ("true", "false"):
        raise serializers.ValidationError({"brief": "must be true or false"})
    wanted = given.get("fields", brief if text == "true" and brief else names)
    return [name for name in names if name in wanted and name not in given.get("omit", ())]


class StrictSerializer(ChosenFields):
    """Refuses members it does not know, so that a misspelt name is not a silent default."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            self.check_types(data)
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                known = ", ".join(name for name, field in self.fields.items() if not field.read_only)
                raise serializers.ValidationError(
                    {
                        str(name): [serializers.ErrorDetail(f"is not a field; there are {known}", "unknown")]
                        for name in unknown
                    }
                )
        return super().to_internal_value(data)

    def check_types(self, data: dict[Any, Any]) -> None:
        """JSON has types: 0 is no name and "no" is not false, though REST framework would take them."""
        errors = {}
        for name, field in self.fields.items():
            if name in data and data[name] is not None and not field.read_only:
                text = type_problem(field, data[name])
                if text:
                    errors[name] = text
        if errors:
            raise serializers.ValidationError(errors)


def type_problem(field: serializers.Field, value: Any) -> str:
    """What is wrong with the JSON type of a value; empty when nothing is, or the field will find it itself."""
    if isinstance(field, serializers.BooleanField):
        return "" if isinstance(value, bool) else "must be true or false"
    if isinstance(field, serializers.IntegerField):
        is_whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return "" if is_whole and not isinstance(value, bool) else "must be a whole number"
    if isinstance(field, serializers.CharField | serializers.ChoiceField):
        return "" if isinstance(value, str) else "must be a text"
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        return next((f"an item {text}" for text in (type_problem(field.child, item) for item in value) if text), "")
    return ""


class EffectivePolicySerializer(serializers.Serializer):
    """The policy that decides, and where it comes from."""

    policy = serializers.CharField()
    ring_time = serializers.FloatField(help_text="Seconds a group of phones may ring.")
    origin = serializers.ChoiceField(choices=["user", "domain", "server"])
    origin_name = serializers.CharField(help_text="Name of the user or domain, empty for the server.")


def split_aor(text: str) -> tuple[str, str]:
    """User name and domain name of ``bob@example.org`` or ``sip:bob@example.org``; ('', '') when it is neither."""
    match = re.fullmatch(r"(?:sips?:)?([^@]+)@([^@]+)", text.strip(), re.IGNORECASE)
    return (match.group(1), match.group(2).lower()) if match else ("", "")


def find_user(aor: str) -> SipUser | None:
    username, domain = split_aor(aor)
    return SipUser.objects.select_related("domain").filter(domain__name=domain, username=username).first()


@extend_schema_field(str)
class AorField(serializers.Field):
    """A user by address-of-record, ``bob@example.org``."""

    default_error_messages = {"unknown": "there is no user {aor}"}

    def to_representation(self, value: SipUser) -> str:
        return str(value)

    def to_internal_value(self, data: Any) -> SipUser:
        user = find_user(data) if isinstance(data, str) else None
        if user is None:
            self.fail("unknown", aor=repr(data)[:300])
        return user
