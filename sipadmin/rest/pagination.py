"""Lists: limit and offset for configuration, a cursor for what grows at the head."""

from __future__ import annotations

from typing import Any

from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination, LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response

LARGEST_LIMIT = 1000
NO_CURSOR = "is not a cursor of this list"


def check_limit(request: Request) -> None:
    """Refuse what would otherwise be silently shortened: a script would take a part for the whole."""
    for name, largest in (("limit", LARGEST_LIMIT), ("offset", None)):
        text = request.query_params.get(name)
        if text is None:
            continue
        if not (text.isascii() and text.isdigit()) or len(text) > 12:
            raise ValidationError({name: "must be a whole number"})
        if largest is not None and not 1 <= int(text) <= largest:
            raise ValidationError({name: f"must be from 1 to {largest}"})


class LimitOffset(LimitOffsetPagination):
    """``{"count", "next", "previous", "results"}``."""

    default_limit = 100
    max_limit = LARGEST_LIMIT

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        check_limit(request)
        return super().paginate_queryset(queryset, request, view)


class NewestFirst(CursorPagination):
    """The same envelope, with ``count`` null: rows that arrive while somebody reads do not shift the pages."""

    page_size = 100
    page_size_query_param = "limit"
    max_page_size = LARGEST_LIMIT
    ordering = ("-started_at", "-id")

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        check_limit(request)
        return super().paginate_queryset(queryset, request, view)

    def decode_cursor(self, request: Request) -> Any:
        """A cursor that is none of ours is refused here, before it reaches a query."""
        try:
            cursor = super().decode_cursor(request)
        except NotFound:
            raise ValidationError({self.cursor_query_param: NO_CURSOR}) from None
        if cursor is not None:
            try:
                is_ours = cursor.position is None or self.is_position(cursor.position)
            except ValueError:
                is_ours = False
            if not is_ours or len(str(cursor.offset)) > 6:
                raise ValidationError({self.cursor_query_param: NO_CURSOR})
        return cursor

    def is_position(self, text: str) -> bool:
        """Whether a cursor may hold this; what the first column of ``ordering`` looks like."""
        return parse_datetime(text) is not None

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {"count": None, "next": self.get_next_link(), "previous": self.get_previous_link(), "results": data}
        )


class ById(NewestFirst):
    """For logs, whose ids grow with time: newest first unless ``ordering=id``."""

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        return ("id",) if request.query_params.get("ordering") == "id" else ("-id",)

    def is_position(self, text: str) -> bool:
        return text.isascii() and text.isdigit() and len(text) < 19
