"""The composition root: plugs endpoint, registrar, proxy and stores together. Wiring, and no decision about SIP."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any, cast

from django.db import DatabaseError, connection
from django.utils import timezone

from proxy.handler import ProxyHandler
from proxy.offline.handler import OfflineMessages
from proxy.offline.store import MessageStore, read_index
from proxy.policy import PolicySnapshot, load_snapshot
from proxy.recorder import Recorder
from proxy.request_log import RequestLog
from proxy.trace.capture import Capture
from proxy.trace.levels import OFF, RecordingRules
from proxy.trace.rows import load_rules
from registrar.clock import Clock
from registrar.core import SUPPORTED
from registrar.directory import Directory, DomainEntry, Dropped
from registrar.events import auth_failure
from registrar.flows import StoredFlows
from registrar.handler import RegistrarHandler
from registrar.journal import Journal
from registrar.keep_alive import KeepAlive
from registrar.location import StoredLocation
from registrar.reachability import Reachability
from registrar.watching.handler import WatchingHandler
from sip.auth.authenticator import Authenticator
from sip.auth.nonce import NonceFactory
from sip.defence.guard import Guard
from sip.endpoint import Endpoint
from sip.gruu import Gruus
from sip.message.uri import Uri
from sip.tokens import Tokens
from sipadmin.audit.trail import forget_old as forget_old_entries
from sipadmin.engine.ban_keeper import BanKeeper, forget_old_bans
from sipadmin.engine.config import EngineConfig
from sipadmin.engine.config_changes import ConfigChanges, Install
from sipadmin.engine.dispatch import Dispatch
from sipadmin.engine.event_log import EventLog
from sipadmin.engine.knocks import Knocks
from sipadmin.engine.request_notes import RequestNotes
from sipadmin.engine.traffic import Traffic
from sipadmin.models import ConfigChange, KeptAnswer

logger = logging.getLogger(__name__)

HOUSEKEEPING_INTERVAL = 1.0  # seconds
LONG_INTERVAL = 60.0  # seconds between the rarer duties
NOTICES_KEPT = timedelta(days=1)

Announce = Callable[[str, int, Callable[[], dict[str, Any] | None]], None]


class Engine:
    """``await load()``, then ``start()``; ``dispatch`` is the endpoint's transaction user; ``await stop()`` flushes."""

    def __init__(self, config: EngineConfig, endpoint: Endpoint, announce: Announce) -> None:
        loop = asyncio.get_running_loop()
        self.config = config
        self.endpoint = endpoint
        self.started_at = time.time()
        self.lag = 0.0
        self.policies = PolicySnapshot()
        # One thread for whatever reads the configuration: in order, with one database connection.
        self.executor = ThreadPoolExecutor(1, "configuration")
        self.clock = Clock(loop.time(), time.time())
        self.directory = Directory()
        self.location = StoredLocation(self.directory, self.clock, StoredFlows(lambda: endpoint.listeners))
        self.journal = Journal(self.clock, loop.call_soon_threadsafe, policy=config.journal)
        knocks = Knocks(announce, self.directory, self.clock.wall)
        self.events = EventLog(announce)
        self.capture = Capture(endpoint.now, announce, self.events.call_hung_up)
        announce = self.events.announce
        self.bans = BanKeeper(self.executor, announce, loop.call_soon_threadsafe)
        self.guard = Guard(self.bans.banned, self.clock.wall, trusted=config.trusted, rate=config.rate)
        self.bans.guard = endpoint.gate = self.guard
        nonces = NonceFactory(config.nonce_secret, valid_from=self.started_at)
        authenticator = Authenticator(nonces, watch=self.guard)
        self.requests = RequestLog(self.clock.wall)
        notes = RequestNotes(self.requests, endpoint.now)
        endpoint.refused = notes.malformed
        self.recorder = Recorder(announce, self.clock.wall, capture=self.capture, requests=self.requests)
        gruus = Gruus(config.gruu_secret)
        reach = Reachability()
        self.proxy = ProxyHandler(
            endpoint,
            self.directory,
            self.location,
            lambda: self.policies,
            authenticator,
            self.recorder,
            secret=config.route_secret,
            wall=self.clock.wall,
            trunks=config.trunks,
            sources=self.guard,
            supported=sorted(SUPPORTED),
            gruus=gruus,
            requests=self.requests,
            wrong_password=lambda domain, username, flow, request: announce(
                "event", id(request), partial(auth_failure, domain, username, flow.text, request)
            ),
        )
        self.registrar = RegistrarHandler(
            endpoint,
            self.directory,
            self.location,
            self.journal,
            authenticator,
            announce,
            self.clock,
            self.domain_of,
            gruus=gruus,
            reach=reach,
        )
        self.registrar.explain_to.append(notes.registered)
        self.keep_alive = KeepAlive(
            endpoint,
            self.directory,
            self.location,
            reach,
            announce,
            self.clock,
            self.registrar.remove_dead,
            Tokens(),
        )
        self.proxy.forwarder.heard = self.keep_alive.called
        self.watching = WatchingHandler(
            endpoint, self.directory, self.location, self.registrar.authenticate, self.clock.wall, gruus
        )
        self.messages = MessageStore(loop.call_soon_threadsafe, lambda: self.clock.wall(loop.time()))
        self.offline = OfflineMessages(
            endpoint,
            self.proxy.recipients,
            self.proxy.responsibility,
            self.proxy.forwarder,
            self.messages,
            self.clock.wall,
        )
        self.proxy.own_methods["MESSAGE"] = self.offline
        self.registrar.observers += (
            self.keep_alive.binding_changed,
            self.watching.binding_changed,
            self.proxy.binding_changed,
            self.offline.binding_changed,
        )
        self.dispatch = Dispatch(
            self.domain_of, self.registrar, self.watching, self.proxy, knocks.watch, notes.malformed
        )
        self.changes = ConfigChanges(self.refresh, self.executor, self.refresh_users)
        self.traffic = Traffic()
        self._housekeeping: asyncio.Task[None] | None = None

    def domain_of(self, uri: Uri) -> DomainEntry | None:
        """The domain whose users may register at this URI: by name at any port, since a router in between may change
        it, or by one of our addresses (R11)."""
        # The proxy's directory is ours, so what it finds are our entries.
        return self.directory.domain(uri.host) or cast("DomainEntry | None", self.proxy.responsibility.domain_of(uri))

    async def load(self) -> None:
        """Read everything from the database."""
        await asyncio.get_running_loop().run_in_executor(self.executor, self._load)
        counts = self.counts()
        logger.info("%d domains, %d users, %d bindings", counts["domains"], counts["users"], counts["bindings"])

    def _load(self) -> None:
        self.changes.mark()
        self.directory.load()
        self.policies = load_snapshot()
        self.location.load()
        self.messages.install(None, read_index())
        self.record_by(load_rules())
        self.bans.load(time.time())

    def record_by(self, rules: RecordingRules) -> None:
        """Keep of the calls what these rules say, from now on."""
        self.recorder.rules = rules
        self.endpoint.tap = self.capture if rules.level != OFF else None

    def start(self) -> None:
        """Begin to write and to follow changes."""
        self.journal.start()
        self.recorder.start()
        self.events.start()
        self.changes.start()
        self.keep_alive.load()
        self._housekeeping = asyncio.get_running_loop().create_task(self._keep_house())

    async def stop(self) -> None:
        """Write what is waiting and end the threads."""
        if self._housekeeping is not None:
            self._housekeeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._housekeeping
        await self.changes.stop()
        self.journal.stop()
        self.recorder.stop()
        self.messages.stop()
        await self.events.stop()
        self.executor.submit(connection.close)
        self.executor.shutdown()

    def refresh(self, kind: str, object_id: int | None) -> Install:
        """Read what changed (in the worker thread); the result makes it true (in the loop)."""
        if kind == "messages":
            found = read_index(object_id)
            return lambda: self.messages.install(object_id, found)
        return self._taking_over(kind, self.directory.refresh(kind, object_id))

    def refresh_users(self, user_ids: Sequence[int]) -> Install:
        """The same for many users at once."""
        return self._taking_over("user", self.directory.read_users(user_ids))

    def _taking_over(self, kind: str, install: Callable[[], list[Dropped]]) -> Install:
        policies = load_snapshot() if kind in ("policy", "domain", "all") else None
        rules = load_rules() if kind in ("recording", "all") else None
        bans = self.bans.read(time.time()) if kind in ("ban", "all") else None

        def take_over() -> None:
            dropped = install()
            self.registrar.drop(dropped)
            if kind in ("domain", "all"):
                self.keep_alive.load()
            for user in dropped:
                self.watching.user_gone(user.aor)
            self.watching.users_changed()
            if policies is not None:
                self.policies = policies
            if rules is not None:
                self.record_by(rules)
            if bans is not None:
                bans()

        return take_over

    async def remove_binding(self, binding_id: int) -> bool:
        """Remove a binding for an administrator, stored when this returns; False when there is none of that id."""
        removed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done(error: Exception | None) -> None:
            if removed.done():
                return
            if error is None:
                removed.set_result(None)
            else:
                removed.set_exception(error)

        if not self.registrar.remove(binding_id, done):
            return False
        await removed
        return True

    async def _keep_house(self) -> None:
        loop = asyncio.get_running_loop()
        long_at = loop.time()
        while True:
            wanted = loop.time() + HOUSEKEEPING_INTERVAL
            await asyncio.sleep(HOUSEKEEPING_INTERVAL)
            now = loop.time()
            self.lag = max(0.0, now - wanted)
            self.clock.set(now, time.time())
            self.traffic.sample(self.endpoint.count, now, time.time())
            try:
                self.registrar.sweep(now)
                self.keep_alive.tick(now)
                self.bans.sweep(time.time())
                if now >= long_at:
                    long_at = now + LONG_INTERVAL
                    self.journal.delete_left_overs()
                    self.messages.expire()
                    await loop.run_in_executor(self.executor, forget_old_notices)
                    await loop.run_in_executor(self.executor, forget_old_entries)
                    await loop.run_in_executor(self.executor, forget_old_bans, timezone.now())
                    await loop.run_in_executor(self.executor, forget_old_answers)
            except DatabaseError as error:
                logger.error("housekeeping: %s", error)
            except Exception:
                logger.exception("housekeeping failed")

    def counts(self) -> dict[str, int]:
        return {**self.directory.counts, **self.location.counts}

    def facts(self) -> dict[str, Any]:
        """What `ping` answers: JSON-able; ``uptime`` and ``lag`` (of the loop) in seconds, ``started_at`` epoch."""
        return {
            "version": self.config.version,
            "started_at": self.started_at,
            "uptime": time.time() - self.started_at,
            "lag": self.lag,
            "listeners": [
                {"protocol": one.protocol, "host": one.host, "port": one.port, "advertised": one.sent_by}
                for one in self.endpoint.listeners
            ],
            "multicast": self.config.multicast,
            "connections": dict(self.endpoint.connection_counts()),
            "counts": self.counts(),
            "traffic": self.traffic.last,
            "received": dict(self.endpoint.count),
            "wire": self.endpoint.traffic.facts(),
            "transactions": self.endpoint.transactions,
            "registrar": dict(self.registrar.count),
            "keep_alive": {"sent": self.keep_alive.sent, "unanswered": self.keep_alive.in_flight},
            "proxy": dict(self.proxy.count),
            "security": dict(self.guard.count),
            "messages": {"waiting": self.messages.count, **self.offline.count},
            "watching": {"subscriptions": len(self.watching), **self.watching.count},
            "journal": {
                "policy": self.config.journal,
                "waiting": self.journal.waiting,
                "commits": self.journal.commits,
                "stored": self.journal.stored,
                "lag": self.journal.lag,
                "failures": self.journal.failures,
            },
            "recorder": {
                "waiting": self.recorder.waiting,
                "written": self.recorder.written,
                "dropped": self.recorder.dropped,
                "messages_waiting": self.capture.waiting,
                "messages_dropped": self.capture.dropped,
                "calls_without_messages": self.capture.left_out,
                "calls_followed": len(self.capture),
                "requests_waiting": self.requests.waiting,
                "requests_lumped": self.requests.lumped,
            },
            "events": {
                "waiting": self.events.waiting,
                "written": self.events.written,
                "dropped": self.events.dropped,
                "skipped": self.events.skipped,
            },
        }


def forget_old_answers() -> None:
    """What was kept for repeated requests of the API."""
    KeptAnswer.objects.filter(created_at__lt=timezone.now() - KeptAnswer.KEPT).delete()


def forget_old_notices() -> None:
    """Nobody starts from the notices: whoever starts reads everything."""
    ConfigChange.objects.filter(created_at__lt=timezone.now() - NOTICES_KEPT).delete()
