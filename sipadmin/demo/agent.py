"""The part of a test phone that sends and receives: transactions, dialogs, credentials (§8, §12, §17)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Self

from sip.message.errors import BadMessage
from sip.message.messages import Request, Response, response_to
from sip.message.uri import Uri
from sip.message.wire import parse_message
from sipadmin.demo.behaviours import Behaviour, busy
from sipadmin.demo.calls import Call, Fields, IncomingCall
from sipadmin.demo.credentials import HASHES, Credentials
from sipadmin.demo.dialog import Dialog, next_hop
from sipadmin.demo.sockets import HostPort, Reply, TcpWire, UdpWire, Wire, is_multicast
from sipadmin.demo.transactions import ClientTransaction, ServerTransaction, cancellation

METHODS = "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE"


class UserAgent:
    """One user agent with one address-of-record.

    ``server`` is the host and port that every request outside a dialog goes to; for REGISTER it may be a multicast
    group. ``password`` answers challenges with the first of ``algorithms`` that is offered. ``t1`` is the timer of
    §17.1.1.1 in seconds. Use as ``async with Phone(...) as bob:`` or call ``start`` and ``stop``.
    """

    def __init__(
        self,
        aor: str,
        password: str,
        server: HostPort,
        *,
        protocol: str = "udp",
        host: str = "",
        port: int = 0,
        display_name: str = "",
        user_agent: str = "sipadmin test phone",
        algorithms: Sequence[str] = tuple(HASHES),
        on_invite: Behaviour | None = None,
        t1: float = 0.5,
    ) -> None:
        self.aor = aor if aor.startswith("sip") else f"sip:{aor}"
        self.username = Uri.parse(self.aor).username
        self.server = server
        self.user_agent = user_agent
        self.methods = METHODS
        self.display_name = display_name
        self.credentials = Credentials(self.username, password, algorithms)
        self.on_invite: Behaviour = on_invite or busy()
        self.t1 = t1
        self.incoming: asyncio.Queue[IncomingCall] = asyncio.Queue()
        self.messages: asyncio.Queue[Request] = asyncio.Queue()
        self.requests: list[Request] = []  # every one received, ACKs too, repetitions not
        self._arrival = asyncio.Event()
        host = host or ("::1" if ":" in server[0] else "127.0.0.1")
        group = server[0] if is_multicast(server[0]) else ""
        self.wire: Wire
        if protocol == "tcp":
            self.wire = TcpWire(host, port, self._received)
        else:
            self.wire = UdpWire(host, port, self._received, group)
        self._clients: dict[tuple[str, str], ClientTransaction] = {}
        self._servers: dict[tuple[str, str, str], ServerTransaction] = {}
        self._ringing: dict[tuple[str, str, str], IncomingCall] = {}
        self._calls: dict[tuple[str, str], Call] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> Self:
        await self.wire.open()
        return self

    async def stop(self) -> None:
        """Closes the socket. Bindings stay at the server: ``unregister`` first where that matters."""
        for client in self._clients.values():
            client.stop()
        for server in self._servers.values():
            server.stop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.wire.close()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """A task that ends with the phone at the latest."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @property
    def host_text(self) -> str:
        return f"[{self.wire.host}]" if ":" in self.wire.host else self.wire.host

    @property
    def contact(self) -> str:
        """Contact URI: this socket."""
        transport = ";transport=tcp" if self.is_reliable else ""
        return f"sip:{Uri.parse(self.aor).user}@{self.host_text}:{self.wire.port}{transport}"

    @property
    def address(self) -> str:
        """From without a tag."""
        name = f'"{self.display_name}" ' if self.display_name else ""
        return f"{name}<{self.aor}>"

    @property
    def is_reliable(self) -> bool:
        return self.wire.protocol == "tcp"

    def session_description(self) -> bytes:
        """An offer or answer of one audio stream that nobody listens to (port 9, discard)."""
        where = f"IN {'IP6' if ':' in self.wire.host else 'IP4'} {self.wire.host}"
        return (
            f"v=0\r\no=- 1 1 {where}\r\ns=-\r\nc={where}\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        ).encode()

    # Sending

    def send(
        self, request: Request, received: Callable[[Response], None], failed: Callable[[int], None]
    ) -> ClientTransaction:
        """Starts a client transaction; adds our Via unless the request has one, as a CANCEL has (§9.1)."""
        to = self._destination(request)
        if not request.has("via"):
            self._add_via(request)
        transaction = ClientTransaction(
            request,
            lambda data: self.wire.send(data, to),
            received,
            failed,
            t1=self.t1,
            is_reliable=self.is_reliable,
        )
        self._clients[request.via.branch, request.method] = transaction
        return transaction

    async def exchange(self, request: Request) -> Response:
        """One request and its final response; 408 of our own when none comes."""
        final: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

        def received(response: Response) -> None:
            if response.status >= 200 and not final.done():
                final.set_result(response)

        self.send(request, received, lambda status: received(response_to(request, status)))
        return await final

    async def exchange_with_credentials(self, build: Callable[[], Request]) -> Response:
        """As ``exchange``; answers a challenge, and once more when the nonce is said to be stale (§22.1)."""
        response = await self.exchange(build())
        for attempt in range(2):
            if response.status not in (401, 407) or (attempt and not is_stale(response)):
                break
            request = build()
            answers = self.credentials.answers(response, request.method, request.uri_text)
            if not answers:
                break
            for name, value in answers:
                request.append(name, value)
            response = await self.exchange(request)
        return response

    async def send_in_dialog(self, dialog: Dialog, method: str, fields: Fields = ()) -> Response:
        return await self.exchange_with_credentials(lambda: dialog.request(method, fields=fields))

    async def send_cancel(self, invite: Request) -> Response:
        return await self.exchange(cancellation(invite))

    def send_ack(self, dialog: Dialog, invite: Request, credentials: Fields) -> None:
        """ACK to a 2xx: a request of its own along the route set, never answered (§13.2.2.4)."""
        request = dialog.request("ACK", cseq=invite.cseq.number, fields=credentials)
        to = self._destination(request)
        self._add_via(request)
        self.wire.send(request.to_bytes(), to)

    def _destination(self, request: Request) -> HostPort:
        """§8.1.2: our server, except where a Route or a redirection gives an address."""
        if request.method == "REGISTER":
            return self.server
        host, port = next_hop(request)
        is_address = ":" in host or host.replace(".", "").isdigit()
        return (host, port) if is_address else self.server

    def _add_via(self, request: Request) -> None:
        branch = f"z9hG4bK{secrets.token_hex(8)}"
        # §18.1.1: a request to a group names it, so that the answer comes to the group; RFC 3581 asks for rport.
        more = f";maddr={self.server[0]};ttl=1" if is_multicast(self.server[0]) else ";rport"
        sent_by = f"{self.host_text}:{self.wire.port}"
        request.add_top("Via", f"SIP/2.0/{self.wire.protocol.upper()} {sent_by};branch={branch}{more}")

    def remember(self, dialog: Dialog, call: Call) -> None:
        self._calls[dialog.key] = call

    def forget(self, dialog: Dialog) -> None:
        self._calls.pop(dialog.key, None)

    # Receiving

    async def wait_for_request(self, is_meant: Callable[[Request], bool]) -> Request:
        """The first request received that is meant, at once or when it comes."""
        while True:
            self._arrival.clear()
            for request in self.requests:
                if is_meant(request):
                    return request
            await self._arrival.wait()

    def _note(self, request: Request) -> None:
        self.requests.append(request)
        self._arrival.set()

    def _received(self, data: bytes, reply: Reply) -> None:
        with suppress(BadMessage):
            message = parse_message(data)
            if isinstance(message, Request):
                self._request_received(message, reply)
            else:
                transaction = self._clients.get((message.via.branch, message.cseq.method))
                if transaction is not None:
                    transaction.response_received(message)

    def _request_received(self, request: Request, reply: Reply) -> None:
        method = "INVITE" if request.method == "ACK" else request.method
        key = (request.via.branch, request.via.sent_by, method)  # §17.2.3
        transaction = self._servers.get(key)
        if request.method == "ACK":
            self._ack_received(request, transaction)
            return
        if transaction is not None:
            transaction.request_repeated()
            return
        self._note(request)
        transaction = ServerTransaction(request, reply, t1=self.t1, is_reliable=self.is_reliable)
        self._servers[key] = transaction
        if request.method == "CANCEL":
            self._cancel_received(transaction, (key[0], key[1], "INVITE"))
        elif request.to_tag:
            call = self._calls.get((request.call_id, request.to_tag))
            self._respond(transaction, 481 if call is None else call.request_in_dialog(request))
        elif request.method == "INVITE":
            incoming = IncomingCall(self, transaction)
            self._ringing[key] = incoming
            self.incoming.put_nowait(incoming)
            self.spawn(self.on_invite(incoming))
        elif request.method == "MESSAGE":
            self.messages.put_nowait(request)
            self._respond(transaction, 200)
        else:
            self._respond(transaction, 200 if request.method == "OPTIONS" else 405, [("Allow", self.methods)])

    def _ack_received(self, ack: Request, transaction: ServerTransaction | None) -> None:
        self._note(ack)
        if transaction is not None:
            transaction.acknowledged()  # §17.2.1: of a failure, same branch
        elif isinstance(call := self._calls.get((ack.call_id, ack.to_tag)), IncomingCall):
            call.ack_received()

    def _cancel_received(self, cancel: ServerTransaction, key: tuple[str, str, str]) -> None:
        call = self._ringing.get(key)
        self._respond(cancel, 481 if call is None else 200)
        if call is not None:
            call.cancel_received()

    def _respond(self, transaction: ServerTransaction, status: int, fields: Fields = ()) -> None:
        response = response_to(transaction.request, status, to_tag=secrets.token_hex(4))
        for name, value in fields:
            response.append(name, value)
        transaction.respond(response)


def is_stale(response: Response) -> bool:
    """Whether a challenge says that the digest was right and only the nonce too old (RFC 7616 §3.3)."""
    lines = [*response.lines("www-authenticate"), *response.lines("proxy-authenticate")]
    return any("stale=true" in line.lower() for line in lines)
