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
from sipadmin.dashboard.feed import ALL_TOPICS, Topics, feed

HEARTBEAT_INTERVAL = 15.0  # seconds; after 20 s of silence the page says that it is offline
SNAPSHOT_INTERVAL = 1.0  # seconds between two snapshots for one browser
LONGEST_MESSAGE = 1500  # characters that a browser may send: it only ever asks for a snapshot
LONGEST_FILTER = 200
PART = 500  # bindings in one message of a snapshot: a browser reads it within a frame
SESSION_ENDED = 4401


def session_group(session_key: str) -> str:
    return f"session.{hashlib.sha256(session_key.encode()).hexdigest()[:40]}"


class LiveConsumer(AsyncWebsocketConsumer):
    """/ws/live/?topics=bindings,calls&q=TEXT, for any console account.

    ``topics``: what the page shows; none for the figures alone. ``q`` filters the bindings of snapshots.
    """

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
        query = parse_qs(self.scope["query_string"].decode("ascii", "replace"), keep_blank_values=True)
        self._text = query.get("q", [""])[0][:LONGEST_FILTER]
        asked = query.get("topics")
        self._topics = ALL_TOPICS if asked is None else ALL_TOPICS & set(asked[0].split(","))
        self._next_snapshot_at = 0.0
        await self.accept()
        await self.channel_layer.group_add(session_group(session_key), self.channel_name)
        self._has_joined = True
        # Joined before the database is read: what changes meanwhile waits in the channel and comes after.
        self._stream = await self.feed.join(self.channel_name, self._topics)
        await self.send_snapshot()
        self._beat = asyncio.create_task(self._heartbeat())

    async def disconnect(self, code: int) -> None:
        if self._beat is not None:
            self._beat.cancel()
            with suppress(asyncio.CancelledError):
                await self._beat
        if self._has_joined:
            await self.feed.leave(self.channel_name, self._topics)
            await self.channel_layer.group_discard(session_group(self._session_key), self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        wish = read_wish(text_data) if text_data is not None and len(text_data) <= LONGEST_MESSAGE else None
        if wish is None:
            await self.close(1003)
            return
        self._text = wish.get("q", self._text)
        wait = self._next_snapshot_at - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        await self.send_snapshot()

    async def send_snapshot(self) -> None:
        """The whole as it is now; deltas up to its ``seq`` are part of it."""
        self._next_snapshot_at = time.monotonic() + SNAPSHOT_INTERVAL
        sequence = self._stream.sequence
        facts = await database_sync_to_async(read_snapshot)(self._text, self._topics)
        # The engine announces sooner than it writes: what changed a moment ago is newer than the row.
        if "bindings" in facts:
            facts["bindings"] = overlay(facts["bindings"], self.feed.recent("binding"))
        if "calls" in facts:
            facts["calls"] = overlay(facts["calls"], self.feed.recent("call"), newest_first=True)
        if "knocks" in self._topics:
            # They are in no table: the last seconds are all there is.
            facts["knocks"] = list(self.feed.recent("knock").values())
        bindings = facts.pop("bindings", [])
        parts = max(1, -(-len(bindings) // PART))
        facts |= {"seq": sequence, "at": time.time(), "figures": self.feed.figures or None}
        for part in range(parts):
            head = {"type": "snapshot", "part": part, "parts": parts, **(facts if part == 0 else {})}
            if "bindings" in self._topics:
                head["bindings"] = bindings[part * PART : (part + 1) * PART]
            await self.send(json.dumps(head))

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
            await self.send(json.dumps({"type": "hb", "seq": self._stream.sequence, "at": time.time()}))

    async def session_holds(self) -> bool:
        """Whether the session still belongs to an active account with the same password."""
        store = import_module(settings.SESSION_ENGINE).SessionStore(self._session_key)
        user = await get_user({"session": store})
        return bool(user.is_authenticated and user.is_active)


class UnknownConsumer(AsyncWebsocketConsumer):
    """Any other address: refused, without a traceback in the log for whoever knocks."""

    async def connect(self) -> None:
        await self.close()


def read_wish(text: str) -> dict[str, str] | None:
    """``{"type": "snapshot"}``, with or without another filter ``q``; None for anything else."""
    try:
        wish = json.loads(text)
    except ValueError:
        return None
    if not isinstance(wish, dict) or wish.get("type") != "snapshot" or set(wish) - {"type", "q"}:
        return None
    query = wish.get("q", "")
    if not isinstance(query, str) or len(query) > LONGEST_FILTER:
        return None
    return wish


def read_snapshot(text: str, topics: Topics) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if "bindings" in topics:
        facts["bindings"] = snapshot.live_bindings(text)
        facts["flapping"] = snapshot.flapping()
    if "calls" in topics:
        facts["calls"] = snapshot.recent_calls()
    return facts


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
