"""The demo as it runs: phones on real sockets that register and call each other (no Django here)."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping

from sipadmin.demo.calls import OutgoingCall
from sipadmin.demo.cast import KINDS, Desk, Kind, desks
from sipadmin.demo.phone import Phone
from sipadmin.demo.sockets import HostPort

EXPIRES = 120  # seconds; refreshed at half of it, and short enough to vanish soon after a crash
CHANGE_DEADLINE = 5.0  # seconds until the server must know the new passwords
SAY = Callable[[str], None]


class NoServer(Exception):
    """Nobody answers at the address."""


class NotRegistered(Exception):
    """A phone was refused; the text says how."""


class Verdict:
    """How one call went, and whether that is how it must go."""

    def __init__(self, kind: Kind, call: OutgoingCall, answered_by: str) -> None:
        self.kind = kind
        self.statuses = tuple(status for _, status in call.tried if status not in (401, 407))
        self.answered_by = answered_by
        self.reason = call.final.reason if call.final is not None else ""
        self.is_right = self.statuses == kind.statuses and answered_by == kind.answered_by

    def __str__(self) -> str:
        path = " -> ".join(str(status) for status in self.statuses) or "no answer at all"
        by = f", answered by {self.answered_by}'s phone" if self.answered_by else ""
        return f"{path} {self.reason}{by}"


class Stage:
    """Twelve phones in ``domain`` at ``server``; ``pace`` 1 is as people are, smaller is faster."""

    def __init__(
        self, domain: str, passwords: Mapping[str, str], server: HostPort, say: SAY, pace: float = 1.0
    ) -> None:
        self.domain = domain
        self.server = server
        self.say = say
        self.pace = pace
        self.desks = desks(pace)
        self.phones = {
            desk.name: Phone(
                f"sip:{desk.username}@{domain}",
                passwords[desk.username],
                server,
                display_name=desk.username.capitalize(),
                user_agent=f"demo phone {desk.name}",
                on_invite=desk.behaviour,
            )
            for desk in self.desks
        }

    async def open(self) -> None:
        """Opens the sockets and registers every phone; NoServer or NotRegistered when that fails."""
        for phone in self.phones.values():
            await phone.start()
        await self._find_server()
        for desk in self.desks:
            await self._register(desk, patience=CHANGE_DEADLINE)
            count = f", and for {desk.registers_for}" if desk.registers_for else ""
            self.say(f"  {desk.name:<12} registered {self.phones[desk.name].contact}{count}")

    async def _find_server(self) -> None:
        async with Phone(f"sip:demo@{self.domain}", "", self.server, t1=0.03) as probe:
            host = f"[{self.server[0]}]" if ":" in self.server[0] else self.server[0]
            response = await probe.request("OPTIONS", f"sip:{host}:{self.server[1]}", authenticate=False)
        if response.status == 408:
            raise NoServer(f"nobody answers at {host}:{self.server[1]}")

    async def _register(self, desk: Desk, patience: float = 0.0) -> None:
        phone = self.phones[desk.name]
        contacts = [f"<{phone.contact}>;q={desk.q:g}"]
        contacts += [f"<{self.phones[name].contact}>;q={q:g}" for name, q in desk.others]
        for aor in [phone.aor] + ([f"sip:{desk.registers_for}@{self.domain}"] if desk.registers_for else []):
            response = await phone.register(EXPIRES, for_aor=aor, contacts=contacts)
            deadline = asyncio.get_running_loop().time() + patience
            while response.status != 200 and asyncio.get_running_loop().time() < deadline:
                await asyncio.sleep(0.2)  # the passwords are seconds old: the server may not have them yet
                response = await phone.register(EXPIRES, for_aor=aor, contacts=contacts)
            if response.status != 200:
                raise NotRegistered(f"{aor} was refused: {response.status} {response.reason}")

    async def close(self) -> int:
        """Removes the bindings and closes the sockets; the number of users whose bindings are gone."""
        aors = {phone.aor: phone for phone in self.phones.values()}
        work = [phone.unregister(everything=True, for_aor=aor) for aor, phone in aors.items()]
        work += [
            self.phones[desk.name].unregister(everything=True, for_aor=f"sip:{desk.registers_for}@{self.domain}")
            for desk in self.desks
            if desk.registers_for
        ]
        answers = await asyncio.gather(*(asyncio.wait_for(one, 3.0) for one in work), return_exceptions=True)
        for phone in self.phones.values():
            await phone.stop()
        return sum(1 for answer in answers if not isinstance(answer, BaseException) and answer.status == 200)

    async def keep_registered(self) -> None:
        """Refreshes every phone for ever."""
        while True:
            await asyncio.sleep(EXPIRES / 2)
            for desk in self.desks:
                try:
                    await self._register(desk)
                except NotRegistered as error:
                    self.say(f"  {error}")

    async def perform(self, kind: Kind) -> Verdict:
        """One call of that kind, from dialling to hanging up."""
        call = self.phones[kind.caller].place_call(f"sip:{kind.callee}@{self.domain}")
        if kind.gives_up:
            await call.ringing()
            await asyncio.sleep(5 * self.pace)
            await call.cancel()
        await call.finished()
        answered_by = ""
        if call.dialog is not None:
            target = call.dialog.target
            answered_by = next((name for name, phone in self.phones.items() if phone.contact == target), target)
            await asyncio.sleep(4 * self.pace)
            await call.hang_up()
        return Verdict(kind, call, answered_by)

    async def perform_once(self) -> list[Verdict]:
        """Each kind of call once, at the same time."""
        return list(await asyncio.gather(*(self.perform(kind) for kind in KINDS)))

    async def perform_for_ever(self, calls_per_minute: float, finished: Callable[[Verdict], None]) -> None:
        """One kind after another, started at that rate whatever the others do."""

        async def perform(kind: Kind) -> None:
            try:
                finished(await self.perform(kind))
            except Exception as error:  # one call that breaks must not end the show
                self.say(f"  {kind.name}: {error!r}")

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.keep_registered())
            for kind in itertools.cycle(KINDS):
                tasks.create_task(perform(kind))
                await asyncio.sleep(60 / calls_per_minute)
