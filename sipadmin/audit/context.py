"""On whose behalf code runs, a web request or a command, and what it has come to so far."""

from __future__ import annotations

import getpass
import re
import secrets
import sys
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

REQUEST_ID_SHAPE = re.compile(r"[A-Za-z0-9._-]{1,64}")
LONGEST_REASON = 500  # characters of X-Change-Reason that are kept


class Context:
    """``request`` None: a command or the engine. ``entries`` are the rows written so far, by subject.

    ``engine_state``: ``live`` when the engine acts on all that was changed, ``pending (why)``, or empty: nothing was.
    """

    def __init__(self, request: HttpRequest | None = None) -> None:
        self.request = request
        self.request_id = request_id(request) if request is not None else ""
        self.entries: dict[tuple[str, str], int] = {}
        self.engine_state = ""

    @property
    def actor(self) -> str:
        """A console account's name, ``token NAME (owner)``, ``command NAME (system user)``, or empty: a stranger."""
        if self.request is None:
            return f"command {command_name()} ({system_user()})"
        # REST framework puts both on Django's request too, once it has asked for them.
        token = getattr(self.request, "auth", None)
        user = getattr(self.request, "user", None)
        name = user.get_username() if user is not None and user.is_authenticated and user.pk else ""
        if token is not None:
            return f"token {token.name} ({name})" if name else f"token {token.name}"
        return name

    @property
    def waits_for_engine(self) -> bool:
        """Programs go on with the answer to their request: what it says must hold by then."""
        return self.request is not None and self.request.path.startswith("/api/")

    @property
    def source(self) -> str:
        """Address of the client; empty for commands."""
        return str(self.request.META.get("REMOTE_ADDR") or "") if self.request is not None else ""

    @property
    def reason(self) -> str:
        text = self.request.headers.get("X-Change-Reason", "") if self.request is not None else ""
        return "".join(character for character in text if character.isprintable())[:LONGEST_REASON]


_current: ContextVar[Context | None] = ContextVar("audit_context", default=None)


def current() -> Context:
    """The context of this request; without one, a fresh one for the command that runs."""
    return _current.get() or Context()


def command_name() -> str:
    if Path(sys.argv[0]).name == "manage.py" and len(sys.argv) > 1:
        return sys.argv[1]
    return Path(sys.argv[0]).stem


def system_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "unknown"


def request_id(request: HttpRequest) -> str:
    """The caller's X-Request-ID when it is harmless, else one of our own; the same for the whole request."""
    known = getattr(request, "request_id", "")
    if not known:
        given = request.headers.get("X-Request-ID", "")
        known = request.request_id = given if REQUEST_ID_SHAPE.fullmatch(given) else secrets.token_hex(8)
    return str(known)


@sync_and_async_middleware
def audit_context(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Middleware: changes made by a request are its user's; every answer carries its X-Request-ID."""

    async def answer_later(request: HttpRequest) -> HttpResponse:
        context = Context(request)
        token = _current.set(context)
        try:
            return add_headers(context, await get_response(request))
        finally:
            _current.reset(token)

    def answer(request: HttpRequest) -> HttpResponse:
        context = Context(request)
        token = _current.set(context)
        try:
            return add_headers(context, get_response(request))
        finally:
            _current.reset(token)

    return answer_later if iscoroutinefunction(get_response) else answer


def add_headers(context: Context, response: HttpResponse) -> HttpResponse:
    response.headers.setdefault("X-Request-ID", context.request_id)
    for name, text in getattr(context.request, "rate_limit_headers", {}).items():
        response.headers[name] = text
    if context.waits_for_engine and context.engine_state:
        response.headers["X-Engine"] = context.engine_state
    return response
