"""What is asked of a rehearsal, and the request that asks it."""

from __future__ import annotations

from typing import NamedTuple

from sip.message.errors import BadMessage
from sip.message.params import is_token, printable
from sip.message.uri import Uri
from sip.transport.flow import host_and_port

NOT_ROUTED = ("REGISTER", "ACK", "CANCEL")  # the registrar's, or of a request that was there before


class Question(NamedTuple):
    """Who asks for whom: URIs as text, a method, and where the request comes from (numeric host)."""

    caller: str
    callee: str
    method: str
    host: str
    port: int
    protocol: str


class Unanswerable(ValueError):
    """A question that no request can be made of; the text says what would be right."""


def request_of(question: Question) -> bytes:
    """The request as it would come, with the least that a phone sends. Unanswerable says what is wrong."""
    method = question.method
    if not is_token(method) or len(method) > 32:
        raise Unanswerable(f"{printable(method)} is no method; use INVITE, MESSAGE or another.")
    if method in NOT_ROUTED:
        raise Unanswerable(f"{method} is not routed by policy: ask for INVITE, MESSAGE or another.")
    for what, text in (("caller", question.caller), ("callee", question.callee)):
        try:
            uri = Uri.parse(text)
        except BadMessage as error:
            raise Unanswerable(f"The {what} is no URI: {error.reason}. Use sip:bob@example.org.") from None
        if not uri.is_sip:
            raise Unanswerable(f"The {what} is no SIP URI. Use sip:bob@example.org.")
    body = "Hello" if method == "MESSAGE" else ""
    sent_by = host_and_port(question.host, question.port)
    lines = [
        f"{method} {question.callee} SIP/2.0",
        f"Via: SIP/2.0/{question.protocol.upper()} {sent_by};branch=z9hG4bKsimulation",
        "Max-Forwards: 70",
        f"From: <{question.caller}>;tag=simulation",
        f"To: <{question.callee}>",
        "Call-ID: simulation",
        f"CSeq: 1 {method}",
        f"Contact: <sip:simulation@{sent_by}>",
        *(["Content-Type: text/plain"] if body else []),
        f"Content-Length: {len(body)}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("utf-8", "surrogateescape")
