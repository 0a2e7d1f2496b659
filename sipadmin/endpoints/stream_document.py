"""The event stream in the OpenAPI document. It is no view of REST framework, so that nothing else finds it there."""

from __future__ import annotations

from typing import Any

PLACE = "/api/v1/events/stream"
LIST = "/api/v1/events/"
ID = {"type": "string", "pattern": "^[0-9]{1,18}$"}
DESCRIPTION = (
    "Server-sent events: `id`, `event` (the type) and `data`, an Event as one line of JSON. An event named `gap` says "
    "that some are gone; a comment comes every 15 seconds of silence. It ends after an hour or two megabytes: come "
    "back with the last id."
)


def describe_stream(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """A hook of drf-spectacular. The filters, the tag and who may are those of the list of events."""
    listing = result.get("paths", {}).get(LIST, {}).get("get")
    if listing is None:
        return result
    filters = [one for one in listing["parameters"] if one["name"] in ("type", "subject")]
    result["paths"][PLACE] = {
        "get": {
            "operationId": "events_stream",
            "summary": "Events as they happen",
            "description": DESCRIPTION,
            "parameters": [
                *filters,
                {"in": "query", "name": "after", "schema": ID, "description": "As Last-Event-ID, in the address."},
                {
                    "in": "header", "name": "Last-Event-ID", "schema": ID,
                    "description": "Go on after this event; without it, with what is new.",
                },
            ],
            "tags": listing["tags"],
            "security": listing["security"],
            "responses": {
                "200": {
                    "description": "It does not end soon.",
                    "content": {"text/event-stream": {"schema": {"type": "string"}}},
                },
            },
        }
    }  # fmt: skip
    return result
