"""Small messages for tests of the cores."""

from __future__ import annotations

from sip.message.messages import Request, Response, response_to
from sip.message.wire import parse_message
from tests.sip.imaginary import request_text


def a_request(method: str = "INVITE", uri: str = "sip:bob@example.org", *fields: str, **parts: object) -> Request:
    message = parse_message(request_text(method, uri, fields=fields, **parts))  # type: ignore[arg-type]
    assert isinstance(message, Request)
    return message


def a_response(status: int, reason: str = "", *fields: tuple[str, str], to_tag: str = "bob") -> Response:
    response = response_to(a_request(), status, reason or None, to_tag)
    for name, value in fields:
        response.append(name, value)
    return response
