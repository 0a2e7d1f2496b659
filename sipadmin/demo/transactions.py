"""The phone's transactions: as much of §17 as a phone on a quiet network needs, with its timers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sip.message.messages import Request, Response, new_request

T2 = 4.0  # §17.1.2.1: a non-INVITE request and a 2xx are never repeated less often


class Repeat:
    """Sends at once and again after T1, 2*T1, 4*T1 ... until stopped or 64*T1 have passed."""

    def __init__(
        self,
        send: Callable[[], None],
        *,
        t1: float,
        once: bool = False,
        longest: float = T2,
        gave_up: Callable[[], None] | None = None,
    ) -> None:
        self._send = send
        self._interval = t1
        self._longest = longest
        self._once = once
        self._gave_up = gave_up
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.TimerHandle | None = None
        self._end: asyncio.TimerHandle | None = self._loop.call_later(64 * t1, self._over)
        self.count = 0
        self._fire()

    def _fire(self) -> None:
        self._send()
        self.count += 1
        if not self._once:
            self._next = self._loop.call_later(self._interval, self._fire)
            self._interval = min(2 * self._interval, self._longest)

    def _over(self) -> None:
        self.stop()
        if self._gave_up is not None:
            self._gave_up()

    def stop(self) -> None:
        for handle in (self._next, self._end):
            if handle is not None:
                handle.cancel()
        self._next = self._end = None


class ClientTransaction:
    """One request on its way (§17.1). ``failed`` is told 408 when nothing came in 64*T1."""

    def __init__(
        self,
        request: Request,
        send: Callable[[bytes], None],
        received: Callable[[Response], None],
        failed: Callable[[int], None],
        *,
        t1: float,
        is_reliable: bool,
    ) -> None:
        self.request = request
        self.is_invite = request.method == "INVITE"
        self.has_provisional = False
        self.final: Response | None = None
        self._send = send
        self._received = received
        self._acknowledgement = b""
        data = request.to_bytes()
        self._repeat = Repeat(
            lambda: send(data),
            t1=t1,
            once=is_reliable,
            longest=64 * t1 if self.is_invite else T2,
            gave_up=lambda: failed(408),
        )

    def response_received(self, response: Response) -> None:
        if response.status < 200:
            self.has_provisional = True
            if self.is_invite:
                self._repeat.stop()  # §17.1.1.2, Proceeding: it may ring as long as it likes
            if self.final is None:
                self._received(response)
            return
        self._repeat.stop()
        if self.is_invite and response.status >= 300:
            if not self._acknowledgement:
                self._acknowledgement = acknowledgement(self.request, response).to_bytes()
            self._send(self._acknowledgement)
        is_first = self.final is None
        self.final = self.final or response
        # §17.1.1.2: every 2xx to an INVITE is the caller's business, also the second of a fork.
        if is_first or (self.is_invite and response.status < 300):
            self._received(response)

    def stop(self) -> None:
        self._repeat.stop()


def acknowledgement(invite: Request, response: Response) -> Request:
    """ACK to a non-2xx: same branch, Route and credentials-free, To from the response (§17.1.1.3)."""
    return _same_hop(invite, "ACK", response.first("to") or "")


def cancellation(invite: Request) -> Request:
    """CANCEL of an INVITE: same branch and To (§9.1)."""
    return _same_hop(invite, "CANCEL", invite.first("to") or "")


def _same_hop(invite: Request, method: str, to: str) -> Request:
    request = new_request(
        method,
        invite.uri_text,
        from_=invite.first("from") or "",
        to=to,
        call_id=invite.call_id,
        cseq=invite.cseq.number,
        fields=[("Route", route) for route in invite.lines("route")],
    )
    request.add_top("Via", invite.values("via")[0])
    return request


class ServerTransaction:
    """One request we answer (§17.2): a repeated request gets the last answer again."""

    def __init__(self, request: Request, send: Callable[[bytes], None], *, t1: float, is_reliable: bool) -> None:
        self.request = request
        self.last: Response | None = None
        self._send = send
        self._t1 = t1
        self._is_reliable = is_reliable
        self._repeat: Repeat | None = None

    def respond(self, response: Response) -> None:
        if self.last is not None and self.last.status >= 200:
            return  # exactly one final
        self.last = response
        data = response.to_bytes()
        if self.request.method != "INVITE" or response.status < 200:
            self._send(data)
            return
        # §17.2.1 repeats a failure over UDP, §13.3.1.4 a 2xx over any transport, until the ACK.
        once = self._is_reliable and response.status >= 300
        self._repeat = Repeat(lambda: self._send(data), t1=self._t1, once=once)

    def request_repeated(self) -> None:
        if self.last is not None:
            self._send(self.last.to_bytes())

    def acknowledged(self) -> None:
        if self._repeat is not None:
            self._repeat.stop()

    def stop(self) -> None:
        self.acknowledged()
