"""Calls as one phone sees them: made by it, or coming in (§13, §15)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from sip.message.address import Address
from sip.message.errors import BadMessage
from sip.message.fields import parse_q
from sip.message.messages import Request, Response, new_request, response_to
from sipadmin.demo.dialog import Dialog
from sipadmin.demo.transactions import ClientTransaction, ServerTransaction

if TYPE_CHECKING:
    from sipadmin.demo.agent import UserAgent

Fields = Sequence[tuple[str, str]]
MOST_REDIRECTIONS = 5


class Call:
    """What both ends share once it is answered."""

    def __init__(self, phone: UserAgent, call_id: str) -> None:
        self.phone = phone
        self.call_id = call_id
        self.dialog: Dialog | None = None
        self.ended = asyncio.Event()
        self.ended_by = ""  # "us" or "them"
        self.received_in_dialog: list[Request] = []

    async def hang_up(self) -> Response:
        """BYE and its answer (§15.1.1)."""
        assert self.dialog is not None, "the call is not answered"
        self.ended_by = self.ended_by or "us"
        response = await self.phone.send_in_dialog(self.dialog, "BYE")
        self.phone.forget(self.dialog)
        self.ended.set()
        return response

    def request_in_dialog(self, request: Request) -> int:
        """Status for a request inside the dialog; a BYE ends it."""
        self.received_in_dialog.append(request)
        if request.method == "BYE":
            assert self.dialog is not None
            self.phone.forget(self.dialog)
            self.ended_by = "them"
            self.ended.set()
        return 200


class OutgoingCall(Call):
    """A call this phone makes. It goes on by itself: challenges are answered, redirections followed."""

    def __init__(
        self, phone: UserAgent, uri: str, *, follow: bool = True, fields: Fields = (), body: bytes = b""
    ) -> None:
        super().__init__(phone, secrets.token_hex(12) + "@" + phone.host_text)
        self.uri = uri
        self.follow = follow
        self.fields = list(fields)
        self.body = body
        self.local_tag = secrets.token_hex(5)
        self.cseq = 0
        self.transaction: ClientTransaction | None = None
        self.responses: list[Response] = []  # every one, in order of arrival
        self.tried: list[tuple[str, int]] = []  # Request-URI and final status of each INVITE sent
        self.final: Response | None = None
        self.is_cancelled = False
        self._ringing = asyncio.Event()
        self._provisional = asyncio.Event()
        self._task: asyncio.Task[Response] = phone.spawn(self._run())

    @property
    def final_status(self) -> int:
        return self.final.status if self.final is not None else 0

    @property
    def was_challenged(self) -> bool:
        return any(status in (401, 407) for _, status in self.tried)

    async def ringing(self) -> Response | None:
        """Returns at the first 180 or 183, or with None at the final response if that comes first."""
        await self._until(self._ringing)
        return next((response for response in self.responses if response.status in (180, 183)), None)

    async def finished(self) -> Response:
        """The final response, after challenges and redirections; 408 of our own when nothing came."""
        return await asyncio.shield(self._task)

    async def cancel(self) -> Response:
        """CANCEL once a provisional is there (§9.1); returns the INVITE's own final, still possibly a 200."""
        self.is_cancelled = True
        await self._until(self._provisional)
        if self.final is None and self.transaction is not None:
            await self.phone.send_cancel(self.transaction.request)
        return await self.finished()

    async def _until(self, event: asyncio.Event) -> None:
        waiting = asyncio.ensure_future(event.wait())
        await asyncio.wait([waiting, self._task], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    async def _run(self) -> Response:
        targets, seen = [self.uri], {self.uri}
        response: Response | None = None
        while targets:
            target = targets.pop(0)
            response = await self._try(target)
            if response.status < 300 or self.is_cancelled or response.status >= 600:
                break
            if 300 <= response.status < 400 and self.follow and len(self.tried) <= 2 * MOST_REDIRECTIONS:
                # §8.1.3.4: the contacts in order of q, no URI twice.
                found = [uri for uri in contacts_by_q(response) if uri not in seen]
                seen.update(found)
                targets = found + targets
        assert response is not None
        self.final = response
        return response

    async def _try(self, target: str) -> Response:
        """One target: INVITE, and again with credentials when it is challenged."""
        response = await self._invite(target, ())
        while response.status in (401, 407) and not self.is_cancelled:
            answers = self.phone.credentials.answers(response, "INVITE", target)
            if not answers or self.tried.count((target, response.status)) > 1:
                break  # §22.1: what was refused once is not sent again
            response = await self._invite(target, answers)
        return response

    async def _invite(self, target: str, credentials: Fields) -> Response:
        self.cseq += 1
        self._provisional.clear()
        invite = new_request(
            "INVITE",
            target,
            from_=f"{self.phone.address};tag={self.local_tag}",
            to=f"<{self.uri}>",
            call_id=self.call_id,
            cseq=self.cseq,
            fields=[
                ("Contact", f"<{self.phone.contact}>"),
                ("Allow", self.phone.methods),
                ("User-Agent", self.phone.user_agent),
                ("Content-Type", "application/sdp"),
                *self.fields,
                *credentials,
            ],
            body=self.body or self.phone.session_description(),
        )
        final: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

        def received(response: Response) -> None:
            self._response_received(response, credentials)
            if response.status >= 200 and not final.done():
                final.set_result(response)

        def failed(status: int) -> None:
            if not final.done():
                final.set_result(response_to(invite, status))

        self.transaction = self.phone.send(invite, received, failed)
        response = await final
        self.tried.append((target, response.status))
        return response

    def _response_received(self, response: Response, credentials: Fields) -> None:
        self.responses.append(response)
        if response.status < 200:
            self._provisional.set()
            if response.status in (180, 183):
                self._ringing.set()
        elif response.status < 300:
            self._answered(response, credentials)

    def _answered(self, response: Response, credentials: Fields) -> None:
        assert self.transaction is not None
        dialog = Dialog.of_caller(self.transaction.request, response)
        # §13.2.2.4: each 2xx gets its ACK, a repeated one again; the ACK carries the INVITE's credentials.
        self.phone.send_ack(dialog, self.transaction.request, credentials)
        if self.dialog is None:
            self.dialog = dialog
            self.phone.remember(dialog, self)
        elif self.dialog.remote_tag != dialog.remote_tag:
            # A second phone of a fork picked up at the same time: one conversation is enough.
            self.phone.spawn(self.phone.send_in_dialog(dialog, "BYE"))


class IncomingCall(Call):
    """A call this phone receives; the behaviour decides what becomes of it."""

    def __init__(self, phone: UserAgent, transaction: ServerTransaction) -> None:
        request = transaction.request
        super().__init__(phone, request.call_id)
        self.request = request
        self.transaction = transaction
        self.local_tag = secrets.token_hex(5)
        self.status = 0
        self.cancelled = asyncio.Event()
        self.acknowledged = asyncio.Event()

    @property
    def is_decided(self) -> bool:
        return self.status >= 200

    def respond(self, status: int, fields: Fields = (), body: bytes = b"") -> None:
        """Any response but a second final one, which is not sent."""
        if self.is_decided:
            return
        self.status = status
        response = response_to(self.request, status, to_tag=self.local_tag)
        if status < 300:
            for line in self.request.lines("record-route"):
                response.append("Record-Route", line)  # §12.1.1
            response.append("Contact", f"<{self.phone.contact}>")
        for name, value in (*fields, ("User-Agent", self.phone.user_agent)):
            response.append(name, value)
        if body:
            response.set_body(body, "application/sdp")
        self.transaction.respond(response)

    def ring(self) -> None:
        self.respond(180)

    def answer(self) -> None:
        """200 with our session description; the dialog stands."""
        if self.is_decided:
            return
        self.dialog = Dialog.of_callee(self.request, self.local_tag)
        self.phone.remember(self.dialog, self)
        self.respond(200, [("Allow", self.phone.methods)], self.phone.session_description())

    def refuse(self, status: int, fields: Fields = ()) -> None:
        self.respond(status, fields)
        self.ended.set()

    def cancel_received(self) -> None:
        """§9.2: the INVITE is answered 487 unless it has its final."""
        if not self.is_decided:
            self.respond(487)
            self.cancelled.set()
            self.ended.set()

    def ack_received(self) -> None:
        self.transaction.acknowledged()
        self.acknowledged.set()


def contacts_by_q(response: Response) -> list[str]:
    """Contact URIs of a 3xx, preferred first; without q is as good as the best (§8.1.3.4). Bad ones are left out."""
    found: list[tuple[float, str]] = []
    for value in response.values("contact"):
        with suppress(BadMessage):
            address = Address.parse(value)
            found.append((-parse_q(address.params.get("q")), address.uri.text))
    return [uri for _, uri in sorted(found, key=lambda one: one[0])]
