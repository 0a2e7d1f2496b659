"""The OpenAPI document: what every operation shares is written once, here."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from sipadmin.rest.conditions import ConditionalWrites
from sipadmin.rest.serializers import ChosenFields

PROBLEM = {
    "type": "object",
    "description": "An error (RFC 9457).",
    "required": ["type", "title", "status", "detail", "instance", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence that says what to do."},
        "instance": {"type": "string"},
        "request_id": {"type": "string", "description": "As in X-Request-ID."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer to the member, as #/policy"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
HEADERS = {
    "If-Match": "ETag that the object must still have; 412 otherwise.",
    "If-None-Match": "* to create only; 412 when there is one already.",
    "Idempotency-Key": "With the same key the request is carried out once, and answered the same, for 24 hours.",
    "X-Change-Reason": "Goes into the audit trail.",
}


class Schema(AutoSchema):
    """Adds the parameters that our frame understands."""

    def get_override_parameters(self) -> list[Any]:
        found = list(super().get_override_parameters())
        if self.method == "GET":
            serializer = self.get_response_serializers()
            one = getattr(serializer, "child", serializer)
            one = one() if isinstance(one, type) else one
            if isinstance(one, ChosenFields):
                names = ", ".join(one.get_all_fields())
                found += [
                    OpenApiParameter("fields", str, description=f"Only these, with commas. There are {names}."),
                    OpenApiParameter("omit", str, description="All but these."),
                ]
                if one.BRIEF:
                    found.append(OpenApiParameter("brief", bool, description=f"Only {', '.join(one.BRIEF)}."))
            return found
        names = ["X-Change-Reason"]
        if self.method in ("POST", "PATCH"):
            names.append("Idempotency-Key")
        if isinstance(self.view, ConditionalWrites) and self.method in ("PUT", "PATCH", "DELETE"):
            names += ["If-Match", "If-None-Match"]
        return found + [
            OpenApiParameter(
                name,
                {"type": "string", "pattern": r"^[\x21-\x7e]{1,255}$"} if name == "Idempotency-Key" else str,
                OpenApiParameter.HEADER,
                description=HEADERS[name],
            )
            for name in names
        ]

    def _map_basic_serializer(self, serializer: Any, direction: str) -> Any:
        schema = super()._map_basic_serializer(serializer, direction)
        if direction == "response" and isinstance(serializer, ChosenFields):
            # Which members are there is up to who asks (?fields=).
            schema.pop("required", None)
        return schema


def add_problems(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Every operation may answer with a problem: status codes depend on who asks, for what, and how fast."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    components.setdefault("responses", {})["Problem"] = {
        "description": "It was refused or failed; nothing is half-done.",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for operations in result.get("paths", {}).values():
        for operation in operations.values():
            if isinstance(operation, dict) and "responses" in operation:
                operation["responses"].setdefault("default", {"$ref": "#/components/responses/Problem"})
    return result
