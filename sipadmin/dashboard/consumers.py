"""The live pages' WebSocket: a snapshot, then deltas, and a heartbeat that asks whether the session still holds."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from contextlib import suppress
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs

from asgiref.sync import async_to_sync
from channels.auth import get_user
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from django.conf import settings
from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from sipadmin.dashboard import snapshot
from sipadmin.dashboard.feed import feed

HEARTBEAT_INTERVAL = 15.0  # seconds; after 20 s of silence the page says that it is offline
SNAPSHOT_INTERVAL = 1.0  # seconds between two snapshots for one browser
LONGEST_MESSAGE = 200  # characters that a browser may send: it only ever asks for a snapshot
SESSION_ENDED = 4401


def session_group(session_key: str) -> str:
    return f"session.{hashlib.sha256(session_key.encode()).hexdigest()[:40]}"


class LiveConsumer(AsyncWebsocketConsumer):
    """/ws/live/?q=TEXT, for any console account. ``q`` filters the bindings of snapshots."""

    heartbeat_interval = HEARTBEAT_INTERVAL
    feed = feed
    _beat: asyncio.Task[None] | None = None
    _has_joined = False

    async def connect(self) -> None:
        user = self.scope.get("user")
        session_key = getattr(self.scope.get("session"), "session_key", None)
        if user is None or not user.is_authenticated or not user.is_active or not session_key:
            await self.close(SESSION_ENDED)
            return
        self._session_key: str = session_key
        self._text = parse_qs(self.scope["query_string"].decode("ascii", "replace")).get("q", [""])[0][:200]
        self._next_snapshot_at = 0.0
        await self.accept()
        await self.channel_layer.group_add(session_group(session_key), self.channel_name)
        self._has_joined = True
        # Joined before the database is read: what changes meanwhile waits in the channel and comes after.
        await self.feed.join(self.channel_name)
        await self.send_snapshot()
        self._beat = asyncio.create_task(self._heartbeat())

    async def disconnect(self, code: int) -> None:
        if self._beat is not None:
            self._beat.cancel()
            with suppress(asyncio.CancelledError):
                await self._beat
        if self._has_joined:
            await self.feed.leave(self.channel_name)
            await self.channel_layer.group_discard(session_group(self._session_key), self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if text_data is None or len(text_data) > LONGEST_MESSAGE or not wants_snapshot(text_data):
            await self.close(1003)
            return
        wait = self._next_snapshot_at - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        await self.send_snapshot()

    async def send_snapshot(self) -> None:
        """The whole as it is now; deltas up to its ``seq`` are part of it."""
        self._next_snapshot_at = time.monotonic() + SNAPSHOT_INTERVAL
        sequence = self.feed.sequence
        facts = await database_sync_to_async(read_snapshot)(self._text)
        # The engine announces sooner than it writes: what changed a moment ago is newer than the row.
        facts["bindings"] = overlay(facts["bindings"], self.feed.recent("binding"))
        facts["calls"] = overlay(facts["calls"], self.feed.recent("call"), newest_first=True)
        facts |= {"type": "snapshot", "seq": sequence, "at": time.time(), "figures": self.feed.figures or None}
        await self.send(json.dumps(facts))

    async def live_message(self, event: dict[str, Any]) -> None:
        await self.send(event["text"])

    async def session_ended(self, event: dict[str, Any]) -> None:
        await self.close(SESSION_ENDED)

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(self.heartbeat_interval)
            if not await self.session_holds():
                await self.close(SESSION_ENDED)
                return
            await self.send(json.dumps({"type": "hb", "seq": self.feed.sequence, "at": time.time()}))

    async def session_holds(self) -> bool:
        """Whether the session still belongs to an active account with the same password."""
        store = import_module(settings.SESSION_ENGINE).SessionStore(self._session_key)
        user = await get_user({"session": store})
        return bool(user.is_authenticated and user.is_active)


class UnknownConsumer(AsyncWebsocketConsumer):
    """Any other address: refused, without a traceback in the log for whoever knocks."""

    async def connect(self) -> None:
        await self.close()


def wants_snapshot(text: str) -> bool:
    try:
        return json.loads(text) == {"type": "snapshot"}
    except ValueError:
        return False


def read_snapshot(text: str) -> dict[str, Any]:
    return {"bindings": snapshot.live_bindings(text), "calls": snapshot.recent_calls()}


def overlay(
    rows: list[dict[str, Any]], recent: dict[int, dict[str, Any]], newest_first: bool = False
) -> list[dict[str, Any]]:
    """``rows`` with what is newer in ``recent``; the page drops what is gone or does not match its filter."""
    merged = {row["id"]: row for row in rows} | recent
    found = list(merged.values())
    if newest_first:
        found.sort(key=lambda facts: facts.get("started_at") or 0, reverse=True)
    return found


@receiver(user_logged_out)
def close_sockets(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    """Logging out ends the live pages of that session at once."""
    session_key = getattr(getattr(request, "session", None), "session_key", None)
    if session_key:
        async_to_sync(get_channel_layer().group_send)(session_group(session_key), {"type": "session.ended"})
