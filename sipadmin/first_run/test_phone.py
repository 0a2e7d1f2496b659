"""The built-in test phone: registers as a user of its own, answers calls, and calls others. Lives in the web process.

One for the whole server, for a quarter of an hour; its user is made for it and removed with it.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import suppress

from channels.db import database_sync_to_async

from registrar.models import Domain, SipUser
from sipadmin.bus import EngineUnavailable, engine_command
from sipadmin.demo.behaviours import answer
from sipadmin.demo.calls import OutgoingCall
from sipadmin.demo.phone import Phone
from sipadmin.demo.sockets import HostPort
from sipadmin.provisioning import save_user

logger = logging.getLogger(__name__)

USERNAME = "test-phone"
DISPLAY_NAME = "Test phone (built in)"
LIFETIME = 900.0  # seconds that it stays registered
EXPIRES = 300  # seconds; short enough to vanish soon when the web process dies
RING_TIME = 30.0  # seconds it lets another phone ring
TALK_TIME = 5.0  # seconds before it hangs up


class NoTestPhone(Exception):
    """It could not be started, or could not call; the text says why."""


class TestPhone:
    """``start`` registers it in a domain; ``call`` places a call and returns once the server has said something."""

    __test__ = False  # no test of pytest's

    def __init__(self) -> None:
        self.phone: Phone | None = None
        self.domain = ""
        self._stop_at: asyncio.TimerHandle | None = None
        self._refresh: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    @property
    def is_running(self) -> bool:
        return self.phone is not None

    async def start(self, domain: Domain) -> None:
        """Registered when this returns. NoTestPhone says why not."""
        async with self._lock:
            if self.phone is not None and self.domain == domain.name:
                self._postpone()
                return
            await self._stop()
            password = secrets.token_urlsafe(16)
            await database_sync_to_async(make_user)(domain, password)
            server = await database_sync_to_async(find_server)()
            phone = Phone(
                f"sip:{USERNAME}@{domain.name}", password, server, host=local_host(server),
                display_name="Test phone", user_agent="sipadmin test phone", on_invite=answer(1.0, TALK_TIME),
            )  # fmt: skip
            await phone.start()
            try:
                response = await phone.register(EXPIRES)
                if response.status != 200:
                    raise NoTestPhone(f"The server refused the test phone: {response.status} {response.reason}")
            except BaseException:
                await phone.stop()
                raise
            self.phone, self.domain = phone, domain.name
            self._refresh = asyncio.create_task(self._keep_registered(phone))
            self._postpone()

    async def call(self, uri: str) -> str:
        """Call ``uri``; the Call-ID. The call goes on by itself: it rings, is hung up after a while, or given up."""
        if self.phone is None:
            raise NoTestPhone("The test phone is not running.")
        call = self.phone.place_call(uri)
        asyncio.create_task(self._see_through(call))  # noqa: RUF006 - bounded by RING_TIME and TALK_TIME
        await call.ringing()
        return call.call_id

    async def stop(self) -> None:
        """Unregister and remove its user."""
        async with self._lock:
            await self._stop()

    async def _stop(self) -> None:
        phone, self.phone = self.phone, None
        if self._stop_at is not None:
            self._stop_at.cancel()
        if self._refresh is not None:
            self._refresh.cancel()
            with suppress(asyncio.CancelledError):
                await self._refresh
            self._refresh = None
        if phone is not None:
            with suppress(OSError):
                await phone.unregister()
            await phone.stop()
            await database_sync_to_async(remove_user)(self.domain)

    def _postpone(self) -> None:
        if self._stop_at is not None:
            self._stop_at.cancel()
        loop = asyncio.get_running_loop()
        self._stop_at = loop.call_later(LIFETIME, lambda: loop.create_task(self.stop()))

    async def _keep_registered(self, phone: Phone) -> None:
        while True:
            await asyncio.sleep(EXPIRES / 2)
            response = await phone.register(EXPIRES)
            if response.status != 200:
                logger.warning("the test phone was refused: %d %s", response.status, response.reason)

    async def _see_through(self, call: OutgoingCall) -> None:
        try:
            async with asyncio.timeout(RING_TIME):
                response = await call.finished()
        except TimeoutError:
            response = await call.cancel()
        if response.status < 300:
            with suppress(TimeoutError):
                await asyncio.wait_for(call.ended.wait(), TALK_TIME)
            if not call.ended.is_set():
                await call.hang_up()


def make_user(domain: Domain, password: str) -> None:
    """A user of the phone's own; NoTestPhone when somebody else has its name."""
    known = SipUser.objects.filter(domain=domain, username=USERNAME).first()
    if known is not None and known.display_name != DISPLAY_NAME:
        raise NoTestPhone(f"{known} is a user of yours, and the test phone needs that name.")
    save_user(domain, USERNAME, password=password, display_name=DISPLAY_NAME, enabled=True)
    with suppress(EngineUnavailable):  # told so by find_server
        engine_command("poll_changes", timeout=2.0)


def remove_user(domain: str) -> None:
    for user in SipUser.objects.filter(domain__name=domain, username=USERNAME, display_name=DISPLAY_NAME):
        user.delete()


def find_server() -> HostPort:
    try:
        listeners = engine_command("ping", timeout=2.0)["listeners"]
    except EngineUnavailable as error:
        raise NoTestPhone(str(error)) from None
    host, port = next((str(one["host"]), int(one["port"])) for one in listeners if one["protocol"] == "udp")
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port


def local_host(server: HostPort) -> str:
    """An address of ours that the server's answers find: its own, which is one of this machine."""
    return server[0]


test_phone = TestPhone()
