"""The event log as it grows: GET /events/stream, server-sent events with Last-Event-ID.

One task of the process reads the log, however many listen. A stream ends by itself after a while or some megabytes, for
nobody can see how far a reader is behind; the reader comes back with the id of the last event it has, and misses none.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

from channels.db import database_sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from rest_framework.exceptions import ValidationError

from sipadmin.accounts.authentication import bearer_text
from sipadmin.accounts.tokens import TokenRefused, allows, find_token
from sipadmin.endpoints.events import EventSerializer, matching_types
from sipadmin.models import Event
from sipadmin.rest.problems import problem_response

logger = logging.getLogger(__name__)

SCOPE = "events:read"
POLL_INTERVAL = 0.5  # seconds between looks at the log
HEARTBEAT = 15.0  # seconds of silence until a comment shows that the connection stands
MOST_STREAMS = 50
LONGEST = 3600.0  # seconds
MOST_BYTES = 2 * 1024 * 1024  # of one stream: what a reader who does not read can make us keep
AT_ONCE = 500  # events read from the database in one go
REMEMBERED = 2000  # events kept for all streams
RETRY_MS = 1000  # what a reader is told to wait before it comes back

Facts = dict[str, Any]


def read_events(after: int) -> list[Facts]:
    """The next events, as the API shows them. Blocking."""
    rows = Event.objects.filter(id__gt=after).order_by("id")[:AT_ONCE]
    return [dict(facts) for facts in EventSerializer(rows, many=True).data]


def newest_id() -> int:
    return Event.objects.order_by("-id").values_list("id", flat=True).first() or 0


def oldest_id() -> int:
    return Event.objects.order_by("id").values_list("id", flat=True).first() or 0


class Tail:
    """The end of the log, for all streams of this process. Reads while somebody listens."""

    def __init__(self) -> None:
        self.streams = 0
        self.last_id = 0
        self._recent: deque[Facts] = deque(maxlen=REMEMBERED)
        self._forgotten = 0  # the events up to this one are not in memory
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def join(self) -> None:
        self.streams += 1
        if self._task is None:
            self.last_id = self._forgotten = await database_sync_to_async(newest_id)()
            self._recent.clear()
            self._news = asyncio.Event()
            self._task = asyncio.get_running_loop().create_task(self._read())

    async def leave(self) -> None:
        self.streams -= 1
        if not self.streams and self._task is not None:
            task, self._task = self._task, None
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _read(self) -> None:
        while True:
            try:
                rows = await database_sync_to_async(read_events)(self.last_id)
            except DatabaseError as error:
                logger.warning("the event log cannot be read: %s", error)
                rows = []
            if rows:
                for facts in rows:
                    if len(self._recent) == REMEMBERED:
                        self._forgotten = self._recent[0]["id"]
                    self._recent.append(facts)
                self.last_id = rows[-1]["id"]
                news, self._news = self._news, asyncio.Event()
                news.set()
            if len(rows) < AT_ONCE:
                await asyncio.sleep(POLL_INTERVAL)

    async def after(self, position: int) -> list[Facts]:
        """Events after ``position``: at once when there are some, [] when none came within HEARTBEAT."""
        if position < self._forgotten:
            return await database_sync_to_async(read_events)(position)
        if position >= self.last_id:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), HEARTBEAT)
        return [facts for facts in self._recent if facts["id"] > position]


tail = Tail()


def refusal(request: HttpRequest) -> HttpResponse | None:
    """The problem to answer with when the asker may not read events. Blocking."""
    text = bearer_text(request)
    if text is None:
        if request.user.is_authenticated:
            return None
        response: HttpResponse = problem_response(request, 401, "Log in, or send a token.")
    else:
        try:
            token = find_token(text, source=request.META.get("REMOTE_ADDR", ""))
        except TokenRefused as error:
            response = problem_response(request, 401, str(error))
        else:
            if allows(token, SCOPE):
                return None
            return problem_response(request, 403, f"This token does not have the scope {SCOPE}.")
    response["WWW-Authenticate"] = 'Bearer realm="sipadmin"'
    return response


@login_not_required
async def stream(request: HttpRequest) -> HttpResponseBase:
    """``?type=`` and ``?subject=`` as for /events/; goes on after ``Last-Event-ID``, else with what is new."""
    refused = await database_sync_to_async(refusal)(request)
    if refused is not None:
        return refused
    if request.method != "GET":
        answer: HttpResponse = problem_response(request, 405, "A stream can only be read.")
        answer["Allow"] = "GET"
        return answer
    unknown = sorted(set(request.GET) - {"type", "subject", "after"})
    position = request.headers.get("Last-Event-ID") or request.GET.get("after", "")
    if unknown:
        return problem_response(request, 400, f"{unknown[0]!r} is not a filter; there are type, subject, after.")
    if position and not (position.isascii() and position.isdigit() and len(position) < 19):
        return problem_response(request, 400, "Last-Event-ID is not the id of an event.")
    try:
        types = set(matching_types(request.GET["type"])) if "type" in request.GET else None
    except ValidationError as error:
        return problem_response(request, 400, str(error.detail["type"]))  # type: ignore[call-overload, index]
    if tail.streams >= MOST_STREAMS:
        answer = problem_response(
            request, 503, f"{MOST_STREAMS} streams are open already; close one, or read /events/."
        )
        answer["Retry-After"] = "10"
        return answer
    subject = request.GET.get("subject", "")

    def is_wanted(facts: Facts) -> bool:
        return (types is None or facts["type"] in types) and (not subject or facts["subject"] == subject)

    parts = follow(int(position) if position else None, is_wanted, lambda: refusal(request) is None)
    return StreamingHttpResponse(
        parts,
        content_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def follow(
    position: int | None, is_wanted: Callable[[Facts], bool], may_go_on: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """The stream's bytes. ``may_go_on`` (blocking) is asked after every silence: a token may have been revoked."""
    await tail.join()
    try:
        is_new = position is None
        position = tail.last_id if position is None else position
        yield f"retry: {RETRY_MS}\n\n".encode()
        if not is_new and position + 1 < (oldest := await database_sync_to_async(oldest_id)()):
            yield encode("gap", None, {"after": position, "next": oldest})
        ends_at, left = time.monotonic() + LONGEST, MOST_BYTES
        asked_at = time.monotonic()
        while time.monotonic() < ends_at and left > 0:
            events = await tail.after(position)
            if time.monotonic() - asked_at >= HEARTBEAT or not events:
                asked_at = time.monotonic()
                if not await database_sync_to_async(may_go_on)():
                    return
            if not events:
                yield b": still here\n\n"
            for facts in events:
                position = facts["id"]
                if is_wanted(facts):
                    part = encode(facts["type"], facts["id"], facts)
                    left -= len(part)
                    yield part
    finally:
        await tail.leave()


def encode(name: str, id: int | None, facts: Facts) -> bytes:
    """One event. JSON holds no line break, so that data is one line."""
    head = f"id: {id}\n" if id is not None else ""
    return f"{head}event: {name}\ndata: {json.dumps(facts, separators=(',', ':'), default=str)}\n\n".encode()
