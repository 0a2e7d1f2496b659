"""Conditional requests (RFC 9110 §13): ETag on what can be written, If-Match and If-None-Match before writing.

A row with a ``version`` has the strong tag ``"id-version"``: it stands for the configuration. What moves by itself is
not in it, so that a phone that registers does not spoil an administrator's If-Match, and there is therefore no 304.
Rows without a version have a tag made of their JSON.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.utils.http import parse_etags
from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

if TYPE_CHECKING:
    from rest_framework.viewsets import ModelViewSet

    Viewset = ModelViewSet[Any]
else:
    Viewset = object  # the class itself stands before REST framework's, wherever it is mixed in


class PreconditionFailed(APIException):
    """412: the request was not carried out."""

    status_code = 412
    default_code = "precondition_failed"


def etag_of(row: models.Model, facts: Mapping[str, Any]) -> str:
    """The strong entity tag of a row whose JSON is ``facts``."""
    version = getattr(row, "version", None)
    if isinstance(version, int):
        return f'"{row.pk}-{version}"'
    return f'"{hashlib.blake2b(JSONRenderer().render(facts), digest_size=12).hexdigest()}"'


def check_conditions(request: Request, tag: str | None) -> None:
    """PreconditionFailed unless If-Match and If-None-Match allow the write; ``tag`` None when nothing is there."""
    if_match, if_none_match = request.headers.get("If-Match"), request.headers.get("If-None-Match")
    if if_match is not None:
        wanted = parse_etags(if_match)
        # §13.1.1 compares strongly: a weak tag matches nothing.
        if tag is None or (wanted != ["*"] and tag not in wanted):
            there = "there is nothing yet" if tag is None else f"it is {tag} now"
            raise PreconditionFailed(f"If-Match does not fit: {there}. Read it again, and send what you still want.")
    if if_none_match is not None and tag is not None:
        unwanted = parse_etags(if_none_match)
        if unwanted == ["*"] or tag in [text.removeprefix("W/") for text in unwanted]:
            raise PreconditionFailed(f"If-None-Match does not fit: there is one already, {tag}.")


class ConditionalWrites(Viewset):
    """For viewsets, before REST framework's: tags on answers, conditions before writes, in one transaction."""

    request: Request

    def tagged(self, response: Response, row: models.Model | None = None, facts: Any = None) -> Response:
        if row is not None:
            response["ETag"] = etag_of(row, facts if facts is not None else response.data)
        return response

    def check(self, row: models.Model | None) -> None:
        """Check the conditions against a row, locked until the end of the transaction; None when there is none."""
        if not {"If-Match", "If-None-Match"} & set(self.request.headers):
            return
        if row is None:
            check_conditions(self.request, None)
            return
        # Another writer waits here, or has been: then this is the newer one.
        locked = type(row)._base_manager.select_for_update().filter(pk=row.pk).first()
        facts = {} if hasattr(row, "version") else self.get_serializer(row).data
        check_conditions(self.request, etag_of(locked, facts) if locked is not None else None)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        facts = self.get_serializer(row).data
        return self.tagged(Response(facts), row)

    @transaction.atomic
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        self.perform_create(serializer)
        row = serializer.instance
        assert row is not None
        location = request.build_absolute_uri(f"{request.path}{row.pk}/")
        return self.tagged(Response(serializer.data, status=201, headers={"Location": location}), row)

    @transaction.atomic
    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        self.check(row)
        serializer = self.get_serializer(row, data=request.data, partial=kwargs.get("partial", False))
        serializer.is_valid(raise_exception=True)
        self.perform_update(serializer)
        return self.tagged(Response(serializer.data), serializer.instance)

    @transaction.atomic
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        self.check(row)
        self.perform_destroy(row)
        return Response(status=204)
