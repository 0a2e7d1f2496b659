"""8.2.3: what is not understood and not optional is refused, with what would be understood."""

from __future__ import annotations

import pytest

from sip.message.bodies import unread_body
from sip.message.messages import Request
from sip.message.wire import parse_message
from tests.sip.imaginary import request_text

pytestmark = pytest.mark.rfc("3261", "8.2.3")


def a_request(*fields: str, body: str = "?") -> Request:
    message = parse_message(request_text(fields=fields, body=body))
    assert isinstance(message, Request)
    return message


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        (["Content-Type: application/x-private"], ("Accept", "application/sdp, text/plain")),
        ([], ("Accept", "application/sdp, text/plain")),
        (["Content-Type: application/sdp", "Content-Encoding: gzip"], ("Accept-Encoding", "identity")),
        (
            ["Content-Type: text/html", "Content-Disposition: session;x;handling=required"],
            ("Accept", "application/sdp, text/plain"),
        ),
    ],
)
def test_refused(fields: list[str], answer: tuple[str, str]) -> None:
    assert unread_body(a_request(*fields), ("application/sdp", "text/plain")) == [answer]


@pytest.mark.parametrize(
    "fields",
    [
        ["Content-Type: application/SDP;charset=x", "Content-Encoding: identity"],
        ["Content-Type: text/html", "Content-Disposition: render; handling=Optional"],
    ],
)
@pytest.mark.rfc("3261", "20.11")
def test_taken(fields: list[str]) -> None:
    assert unread_body(a_request(*fields), ("application/sdp",)) is None


def test_a_type_without_body_says_nothing() -> None:
    assert unread_body(a_request("Content-Type: text/html", body=""), ()) is None


def test_nothing_is_taken() -> None:
    assert unread_body(a_request("Content-Type: text/plain"), ()) == [("Accept", "")]
