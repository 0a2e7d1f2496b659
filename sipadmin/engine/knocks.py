"""REGISTER requests that were refused, with a plain reason: what a page says while somebody connects a phone.

Nothing is kept and nothing is built while nobody watches; a phone's first, unauthenticated try counts as a step on the
way, not as a failure.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

from registrar.directory import Directory, DomainEntry
from sip.message.errors import BadMessage
from sip.message.fields import parse_credentials
from sip.message.messages import Request
from sip.message.params import printable
from sip.transaction.server import ServerTransaction

LONGEST = 200  # characters of a text from the wire
Announce = Callable[[str, int, Callable[[], dict[str, Any] | None]], None]


class Knocks:
    """``watch`` is told of every REGISTER after it was dispatched; ``announce`` is the bus's own."""

    def __init__(self, announce: Announce, directory: Directory, wall: Callable[[float], float]) -> None:
        self._announce = announce
        self._directory = directory
        self._wall = wall

    def watch(self, transaction: ServerTransaction, domain: DomainEntry | None, now: float) -> None:
        """Announce a refusal, and whatever is for a domain that is none of ours: the way there may be long.

        A 200 of ours comes after the commit, and is a binding then.
        """
        response = transaction.machine.response
        if transaction.flow.is_multicast or (domain is not None and response[8:9] in (b"", b"1", b"2")):
            return
        request, flow, status = transaction.request, transaction.flow, int(response[8:11] or 0)
        key = zlib.crc32(f"{flow.remote[0]} {request.first('to')}".encode("utf-8", "replace"))
        self._announce("knock", key, partial(self.facts, request, flow.text, status, domain, now))

    def facts(
        self, request: Request, source: str, status: int, domain: DomainEntry | None, now: float
    ) -> dict[str, Any]:
        """JSON-able: ``cause`` is a word for programs, ``sentence`` for people."""
        username = credentials_of(request)
        cause = cause_of(request, status, domain, username, self._directory)
        return {
            "at": self._wall(now),
            "aor": aor_of(request),
            "source": source,
            "user_agent": printable(request.first("user-agent") or "", LONGEST),
            "status": status,
            "cause": cause,
            "sentence": sentence(cause, request, status, username),
        }


def cause_of(
    request: Request, status: int, domain: DomainEntry | None, username: str | None, directory: Directory
) -> str:
    if domain is None:
        return "domain"
    if status == 401 and username is None:
        return "challenged"
    if status == 401:
        assert username is not None
        user = directory.user(domain, username)
        if user is None:
            return "user"
        return "password" if user.is_active else "disabled"
    return {403: "forbidden", 404: "user", 423: "expires", 500: "storage", 503: "storage"}.get(status, "other")


def sentence(cause: str, request: Request, status: int, username: str | None) -> str:
    """What is wrong and what to do about it."""
    match cause:
        case "challenged":
            return "A phone is here and was asked for its password."
        case "domain":
            host = printable(request.uri_text, LONGEST)
            return f"The phone wants to register at {host}, which is no domain of this server. Correct its domain."
        case "password":
            return f"The password for {printable(username or '', LONGEST)} is wrong. Type it again, or set a new one."
        case "user":
            name = printable(username or aor_of(request), LONGEST)
            return f"There is no user {name} here. The user name in the phone is without the domain."
        case "disabled":
            return f"The user {printable(username or '', LONGEST)} is disabled."
        case "forbidden":
            name = printable(username or "", LONGEST)
            return f"{name} logged in, but may not register for {aor_of(request)}. Use the same name for both."
        case "expires":
            return "The phone asked for too short a registration (423); most phones try again by themselves."
        case "storage":
            return "The server could not store the registration. See System, Health."
    return f"The request was answered with {status}; the phone's setting may not fit this server."


def credentials_of(request: Request) -> str | None:
    """User name of the first digest credentials; None without any that can be read."""
    for value in request.lines("authorization"):
        try:
            return parse_credentials(value).params.get("username", "")
        except BadMessage:
            continue
    return None


def aor_of(request: Request) -> str:
    """Of the To header field; the text of it when it is no SIP URI."""
    try:
        uri = request.to.uri
        if uri.is_sip and uri.user is not None:
            return uri.aor()
    except BadMessage:
        pass
    return printable(request.first("to") or "", LONGEST)
