"""Transaction users that write down what they are told."""

from __future__ import annotations

from collections.abc import Callable

from sip.message.messages import Request, Response
from sip.transaction.client import ClientTransaction
from sip.transaction.server import ServerTransaction
from sip.transport.flow import Flow


class RecordingCore:
    """A core that keeps everything; ``answer`` (if given) is called with each new transaction."""

    def __init__(self, answer: Callable[[ServerTransaction], object] | None = None) -> None:
        self.answer = answer
        self.transactions: list[ServerTransaction] = []
        self.acks: list[Request] = []
        self.cancels: list[tuple[ServerTransaction, ServerTransaction | None]] = []

    def request_received(self, transaction: ServerTransaction, now: float) -> None:
        self.transactions.append(transaction)
        if self.answer is not None:
            self.answer(transaction)

    def ack_received(self, request: Request, flow: Flow, now: float) -> None:
        self.acks.append(request)

    def cancel_received(self, cancel: ServerTransaction, invite: ServerTransaction | None, now: float) -> None:
        self.cancels.append((cancel, invite))
        cancel.respond_with(200 if invite is not None else 481)
        if invite is not None:
            invite.respond_with(487)


class RecordingUser:
    """Who sent a request: keeps the responses and the failures."""

    def __init__(self, answer: Callable[[ClientTransaction, Response], object] | None = None) -> None:
        self.answer = answer
        self.responses: list[Response] = []
        self.failures: list[int] = []

    @property
    def statuses(self) -> list[int]:
        return [response.status for response in self.responses]

    def response_received(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        self.responses.append(response)
        if self.answer is not None:
            self.answer(transaction, response)

    def failed(self, transaction: ClientTransaction, status: int, now: float) -> None:
        self.failures.append(status)
