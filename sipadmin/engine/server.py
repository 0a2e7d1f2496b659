"""The protocol server behind `runsip`: sockets, bus and signals around one `sip` scope."""

from __future__ import annotations

import asyncio
import gc
import itertools
import logging
import os
import signal
import socket
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any

from channels.routing import get_default_application
from django.conf import settings

from sip.endpoint import Endpoint
from sip.message.messages import Request
from sip.transaction.server import ServerTransaction
from sip.transaction.users import TransactionUser
from sip.transport.flow import Flow
from sip.transport.tls import BadCertificate, TlsContexts
from sipadmin.bootstrap import VERSION
from sipadmin.bus import BusServer, EngineUnavailable
from sipadmin.engine.certificates import tls_files
from sipadmin.engine.config import EngineConfig, engine_config
from sipadmin.supervisor import RESTART

logger = logging.getLogger(__name__)

RESTART_DELAY = 0.05  # seconds
RENEWAL_INTERVAL = 3_600.0  # seconds between looks at our own certificate: its names and its end
STOP_TIMEOUT = 3.0  # seconds for the application to write what it still has


class CannotListen(Exception):
    """One line: which socket, why, and which flag changes it."""


class NotYet:
    """Transaction user until the application has registered its own; the endpoint does not listen before."""

    def request_received(self, transaction: ServerTransaction, now: float) -> None: ...

    def ack_received(self, request: Request, flow: Flow, now: float) -> None: ...

    def cancel_received(self, cancel: ServerTransaction, invite: ServerTransaction | None, now: float) -> None: ...


class SipServer:
    """``bind()`` first (CannotListen), then ``await run()`` until SIGTERM or SIGINT."""

    def __init__(self) -> None:
        self.config: EngineConfig | None = None
        self.endpoint: Endpoint | None = None
        self.bus = BusServer(settings.DATA_DIR, self.command)
        self._to_application: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._ready: asyncio.Event = asyncio.Event()
        self._stop: asyncio.Event = asyncio.Event()
        self.exit_code = 0

    def bind(self) -> None:
        """Take the sockets, before anything slow: who comes too late should hear it at once."""
        try:
            self.config = engine_config(settings.SIPADMIN, settings.SECRET_KEY, VERSION)
            tls = self.config.tls
            self.endpoint = Endpoint(
                self.config.listen,
                NotYet(),
                multicast=self.config.multicast,
                name_servers=self.config.name_servers,
                tls=TlsContexts(tls) if tls is not None else None,
                may_come_from=self.config.may_come_from,
            )
            self.endpoint.bind()
        except OSError as error:
            raise CannotListen(f"{error.strerror or error}; choose another address with --sip HOST:PORT") from None
        except BadCertificate as error:
            raise CannotListen(f"{error}; see SIPADMIN_TLS_CERTIFICATES") from None

    async def run(self) -> None:
        assert self.config is not None and self.endpoint is not None
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self.reload_certificates)
        scope = {
            "type": "sip",
            "asgi": {"version": "3.0"},
            "config": self.config,
            "endpoint": self.endpoint,
            "announce": self.bus.announce,
            "register": self.register,
        }
        application = loop.create_task(get_default_application()(scope, self._to_application.get, self.send))
        stopped = loop.create_task(self._stop.wait())
        ready = loop.create_task(self._ready.wait())
        await asyncio.wait({application, stopped, ready}, return_when=asyncio.FIRST_COMPLETED)
        if self._ready.is_set():
            await self.endpoint.start()
            await self.bus.start()
            # What was loaded stays: the collector need not walk it again and again.
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000, 20, 50)
            watchdog = loop.create_task(self.feed_watchdog())
            renewal = loop.create_task(self.renew_certificate())
            notify("READY=1")
            logger.info("listening on %s", ", ".join(map(repr, self.endpoint.listeners)))
            await asyncio.wait({application, stopped}, return_when=asyncio.FIRST_COMPLETED)
            notify("STOPPING=1")
            watchdog.cancel()
            renewal.cancel()
        ready.cancel()
        await self.shut_down(application)

    async def shut_down(self, application: asyncio.Task[None]) -> None:
        assert self.endpoint is not None
        if not application.done():
            await self._to_application.put({"type": "sip.shutdown"})
            _, late = await asyncio.wait({application}, timeout=STOP_TIMEOUT)
            if late:
                logger.error("the engine did not stop within %g s", STOP_TIMEOUT)
                application.cancel()
        await self.bus.stop()
        await self.endpoint.stop()
        if application.done() and not application.cancelled() and application.exception():
            # Ends the process with a traceback and an exit code, for the supervisor to see.
            application.result()
        if not self._stop.is_set():
            logger.critical("the engine ended by itself")
            sys.exit(1)

    def reload_certificates(self) -> None:
        """For SIGHUP. What cannot be read changes nothing."""
        assert self.endpoint is not None
        try:
            self.endpoint.reload_certificates()
        except BadCertificate as error:
            logger.error("the old certificates stay in use: %s", error)

    async def renew_certificate(self) -> None:
        """Make our own certificate anew when it is due, or this machine has got another name; the network notices the
        file. The administrator's files are his to renew."""
        while True:
            await asyncio.sleep(RENEWAL_INTERVAL)
            try:
                await asyncio.to_thread(tls_files, settings.SIPADMIN)
            except BadCertificate as error:
                logger.error("our own certificate is due: %s", error)

    def register(self, user: TransactionUser) -> None:
        """The application's callbacks, called for each new request from now on."""
        assert self.endpoint is not None
        self.endpoint.user = user

    async def send(self, event: MutableMapping[str, Any]) -> None:
        """Events of the application."""
        if event["type"] == "sip.ready":
            self._ready.set()
        elif event["type"] == "sip.result":
            waiting = self._waiting.pop(event["id"], None)
            if waiting is not None and not waiting.done():
                waiting.set_result(dict(event))

    async def command(self, frame: dict[str, Any]) -> dict[str, Any]:
        """A command frame of the bus, passed on as an ASGI event; the facts of its result.

        ``restart`` is the server's own: it ends in order, and whoever watches over it starts it with what is set now.
        """
        if frame.get("command") == "restart":
            self.exit_code = RESTART
            # After the answer has left.
            asyncio.get_running_loop().call_later(RESTART_DELAY, self._stop.set)
            return {}
        number = next(self._ids)
        waiting: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        await self._to_application.put(
            {
                "type": "sip.command",
                "id": number,
                "name": frame.get("command"),
                "arguments": frame.get("arguments") or {},
            }
        )
        result = await waiting
        if "error" in result:
            raise EngineUnavailable(result["error"])
        facts: dict[str, Any] = result["facts"]
        return {**facts, "bus": self.bus.facts()} if frame.get("command") == "ping" else facts

    async def feed_watchdog(self) -> None:
        """Tell systemd that the loop turns, twice as often as it asks."""
        interval = int(os.environ.get("WATCHDOG_USEC", "0")) / 2_000_000
        while interval:
            notify("WATCHDOG=1")
            await asyncio.sleep(interval)


def notify(state: str) -> None:
    """sd_notify(3), where systemd asked for it."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifier:
        notifier.connect(address)
        notifier.send(state.encode())
