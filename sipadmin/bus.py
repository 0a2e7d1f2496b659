"""The bus between the processes: events up, commands down, over one Unix socket in the data folder.

A frame is a 4-byte big-endian length and JSON. A client sends ``{"watch": true}`` and gets frames of
``{"events": [...]}``; or it sends ``{"id": n, "command": name, "arguments": {...}}`` and gets
``{"id": n, "ok": true, ...}`` or ``{"id": n, "ok": false, "error": sentence}``.
Redis can stand in for it where web and sip run on different hosts: nobody else knows about the socket.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

LENGTH = struct.Struct(">I")
MAX_FRAME = 16 * 1024 * 1024  # a reply with every listener and counter is 2 kB; more than this is not ours
MAX_BACKLOG = 2 * 1024 * 1024  # bytes a slow reader may be behind before events are left out
MAX_PENDING = 5000  # distinct objects that may change within one flush
FLUSH_INTERVAL = 0.1  # seconds; the dashboard shows at most four states a second anyway
LONGEST_PATH = 100  # sun_path of unix(7) has 108 bytes

Event = dict[str, Any]
Build = Callable[[], dict[str, Any] | None]
# After a gap events are missing: read the whole again.
GAP: Event = {"kind": "gap", "key": 0, "facts": {}}


class EngineUnavailable(Exception):
    """The sip process did not answer, or refused; the text is a sentence for people."""


def encode_frame(value: Any) -> bytes:
    body = json.dumps(value, separators=(",", ":")).encode()
    return LENGTH.pack(len(body)) + body


async def read_frame(reader: asyncio.StreamReader) -> Any:
    """The next frame's value; IncompleteReadError at the end of the stream, ValueError for nonsense."""
    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
    if length > MAX_FRAME:
        raise ValueError(f"frame of {length} bytes")
    return json.loads(await reader.readexactly(length))


def socket_path(data: Path) -> str:
    """Address of the socket. A path too long for the kernel is reached through a descriptor of its folder."""
    path = str(data / "bus.sock")
    if len(os.fsencode(path)) <= LONGEST_PATH:
        return path
    # Kept open for the life of the process: the address is only good as long as the descriptor.
    descriptor = _folders.get(data)
    if descriptor is None:
        descriptor = _folders[data] = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    return f"/proc/self/fd/{descriptor}/bus.sock"


_folders: dict[Path, int] = {}


class BusServer:
    """The sip process's end. ``command`` gets each command frame, returns the reply's facts, may raise."""

    def __init__(self, data: Path, command: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]) -> None:
        self._data = data
        self._command = command
        self._server: asyncio.AbstractServer | None = None
        self._clients: set[asyncio.StreamWriter] = set()
        self._watchers: set[asyncio.StreamWriter] = set()
        self._behind: set[asyncio.StreamWriter] = set()
        self._pending: dict[tuple[str, int], Build] = {}
        self._has_lost = False
        self._flush: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Listen with mode 0600. OSError when the folder does not allow it."""
        self._loop = asyncio.get_running_loop()
        path = socket_path(self._data)
        with suppress(FileNotFoundError):
            os.unlink(path)
        mask = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, path)
        finally:
            os.umask(mask)

    async def stop(self) -> None:
        self.flush()
        if self._server is not None:
            self._server.close()
        for writer in list(self._clients):
            writer.close()
        with suppress(FileNotFoundError):
            os.unlink(socket_path(self._data))

    @property
    def has_watchers(self) -> bool:
        return bool(self._watchers)

    def facts(self) -> dict[str, int]:
        """JSON-able: who listens, what waits to be told."""
        return {"watchers": len(self._watchers), "pending": len(self._pending), "behind": len(self._behind)}

    def announce(self, kind: str, key: int, build: Build) -> None:
        """Tell the watchers within FLUSH_INTERVAL what ``build`` returns then; of several for a key the last.

        Costs nothing while nobody watches. ``build`` may return None for "nothing after all".
        """
        if not self._watchers:
            return
        if len(self._pending) >= MAX_PENDING and (kind, key) not in self._pending:
            self._has_lost = True
            return
        self._pending[kind, key] = build
        if self._flush is None and self._loop is not None:
            self._flush = self._loop.call_later(FLUSH_INTERVAL, self.flush)

    def flush(self) -> None:
        """Send what is pending to every watcher that keeps up."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        pending, self._pending = self._pending, {}
        has_lost, self._has_lost = self._has_lost, False
        if not self._watchers or not (pending or has_lost):
            return
        events: list[Event] = [GAP] if has_lost else []
        for (kind, key), build in pending.items():
            try:
                facts = build()
            except Exception:
                logger.exception("an event of kind %s could not be described", kind)
                continue
            if facts is not None:
                events.append({"kind": kind, "key": key, "facts": facts})
        if not events:
            return
        frame = encode_frame({"events": events})
        for writer in self._watchers:
            self._send_events(writer, frame)

    def _send_events(self, writer: asyncio.StreamWriter, frame: bytes) -> None:
        if writer.transport.get_write_buffer_size() > MAX_BACKLOG:
            self._behind.add(writer)
            return
        if writer in self._behind:
            self._behind.discard(writer)
            writer.write(encode_frame({"events": [GAP]}))
        writer.write(frame)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            while True:
                frame = await read_frame(reader)
                if not isinstance(frame, dict):
                    return
                if frame.get("watch"):
                    self._watchers.add(writer)
                else:
                    writer.write(encode_frame(await self._answer(frame)))
                    await writer.drain()
        except (asyncio.IncompleteReadError, OSError, ValueError):
            pass
        finally:
            self._clients.discard(writer)
            self._watchers.discard(writer)
            self._behind.discard(writer)
            writer.close()

    async def _answer(self, frame: dict[str, Any]) -> dict[str, Any]:
        try:
            return {**await self._command(frame), "id": frame.get("id"), "ok": True}
        except EngineUnavailable as error:
            return {"id": frame.get("id"), "ok": False, "error": str(error)}
        except Exception as error:
            logger.exception("command %s failed", frame.get("command"))
            return {"id": frame.get("id"), "ok": False, "error": f"{type(error).__name__}: {error}"}


def engine_command(name: str, *, timeout: float = 5.0, **arguments: Any) -> dict[str, Any]:
    """Send one command and wait for its facts (blocking); EngineUnavailable says why there are none.

    Commands: ``ping``, ``remove_binding`` (id), ``poll_changes``, ``certificates``, ``reload_certificates``,
    ``security``, ``forgive`` (source), ``simulate`` (from, to ...). ``timeout`` in seconds.
    """
    from django.conf import settings

    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            connection.connect(socket_path(settings.DATA_DIR))
            connection.sendall(encode_frame({"id": 1, "command": name, "arguments": arguments}))
            (length,) = LENGTH.unpack(receive_exactly(connection, LENGTH.size))
            if length > MAX_FRAME:
                raise ValueError("a frame that is none of ours")
            reply = json.loads(receive_exactly(connection, length))
    except TimeoutError:
        raise EngineUnavailable(f"The SIP process did not answer within {timeout:g} s.") from None
    except (FileNotFoundError, ConnectionRefusedError):
        raise EngineUnavailable("The SIP process is not running.") from None
    except (OSError, ValueError, EOFError) as error:
        raise EngineUnavailable(f"The SIP process could not be reached: {error}.") from None
    if not reply.pop("ok", False):
        raise EngineUnavailable(reply.get("error") or "The SIP process refused.")
    reply.pop("id", None)
    return dict(reply)


def receive_exactly(connection: socket.socket, count: int) -> bytes:
    received = bytearray()
    while len(received) < count:
        piece = connection.recv(count - len(received))
        if not piece:
            raise EOFError("it closed the connection")
        received += piece
    return bytes(received)


async def watch(data: Path | None = None, *, retry_interval: float = 0.5) -> AsyncIterator[list[Event]]:
    """Batches of events for ever, across restarts of the sip process.

    After every (re)connection, and wherever events were left out, the batch holds GAP: read the whole again.
    An item is ``{"kind", "key", "facts"}``.
    """
    if data is None:
        from django.conf import settings

        data = settings.DATA_DIR
    while True:
        try:
            reader, writer = await asyncio.open_unix_connection(socket_path(data))
        except OSError:
            await asyncio.sleep(retry_interval)
            continue
        try:
            writer.write(encode_frame({"watch": True}))
            yield [GAP]
            while True:
                frame = await read_frame(reader)
                yield frame["events"]
        except (asyncio.IncompleteReadError, OSError, ValueError, KeyError):
            pass
        finally:
            writer.close()
        await asyncio.sleep(retry_interval)
