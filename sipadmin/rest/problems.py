"""Every error of the API as ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

import http
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback

from sipadmin.audit.context import request_id
from sipadmin.bus import EngineUnavailable
from sipadmin.provisioning import ProvisioningError

MEDIA_TYPE = "application/problem+json"


class ProblemRenderer(JSONRenderer):
    """JSON under the media type of problems; chosen by handle(), never by Accept."""

    media_type = MEDIA_TYPE
    format = "problem"


def problem(
    request: HttpRequest, status: int, detail: str, errors: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    """Members of a problem; ``type`` stays about:blank (§4.2.1), the ``title`` is the status phrase."""
    facts: dict[str, Any] = {
        "type": "about:blank",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.path,
        "request_id": request_id(request),
    }
    if errors:
        facts["errors"] = errors
    return facts


def problem_response(request: HttpRequest, status: int, detail: str) -> JsonResponse:
    """A problem outside REST framework: unknown addresses and crashes."""
    facts = problem(request, status, detail)
    return JsonResponse(facts, status=status, content_type=MEDIA_TYPE, headers={"X-Request-ID": facts["request_id"]})


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's exception handler. None for a bug: Django logs it and handler500 answers."""
    errors: list[dict[str, str]] = []
    headers: dict[str, str] = {}
    if isinstance(error, Http404):
        error = exceptions.NotFound(str(error) or None)
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied(str(error) or None)
    if isinstance(error, ProvisioningError):
        status = 400
        errors = [{"pointer": pointer(name), "code": "invalid", "detail": text} for name, text in error.errors.items()]
        detail = summary(errors)
    elif isinstance(error, EngineUnavailable):
        status, detail = 503, f"{error} Nothing was changed."
        headers["Retry-After"] = "2"
    elif isinstance(error, exceptions.ValidationError):
        status = error.status_code
        errors = list(flatten(error.detail, ()))
        detail = summary(errors)
    elif isinstance(error, exceptions.APIException):
        status, detail = error.status_code, str(error.detail)
        if getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = error.auth_header
        if getattr(error, "wait", None):
            headers["Retry-After"] = str(int(error.wait))
    else:
        return None
    set_rollback()
    return problem_answer(context["request"], status, detail, errors, headers=headers)


def problem_answer(
    request: Request,
    status: int,
    detail: str,
    errors: list[dict[str, str]],
    more: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """A problem from within a view; ``more`` are further members (§3.2)."""
    facts = problem(request._request, status, detail, errors)
    response = Response(
        {**facts, **(more or {})}, status=status, headers={**(headers or {}), "X-Request-ID": facts["request_id"]}
    )
    response.content_type = MEDIA_TYPE
    request.accepted_renderer = ProblemRenderer()
    request.accepted_media_type = MEDIA_TYPE
    return response


def summary(errors: list[dict[str, str]]) -> str:
    if len(errors) == 1:
        return f"{errors[0]['pointer']}: {errors[0]['detail']}"
    return f"{len(errors)} values were refused."


def pointer(*steps: str | int) -> str:
    """JSON pointer as a URI fragment (RFC 6901 §6); '#' for the whole document."""
    escaped = (str(step).replace("~", "~0").replace("/", "~1") for step in steps if step != "")
    return "#" + "".join(f"/{step}" for step in escaped)


def flatten(detail: Any, steps: tuple[str | int, ...]) -> Iterator[dict[str, str]]:
    """REST framework's nested error details, one entry a sentence."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from flatten(inner, steps if name == "non_field_errors" else (*steps, name))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            yield from flatten(inner, (*steps, index) if isinstance(inner, dict) else steps)
    else:
        yield {"pointer": pointer(*steps), "code": getattr(detail, "code", "invalid"), "detail": str(detail)}
