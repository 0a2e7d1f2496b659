"""What a phone does when it rings. Each takes the call and returns when it has nothing more to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sipadmin.demo.calls import IncomingCall

Behaviour = Callable[["IncomingCall"], Coroutine[Any, Any, None]]


def answer(after: float = 0.0, talk: float | None = None) -> Behaviour:
    """180, and 200 after ``after`` seconds; hangs up itself after ``talk`` seconds, or leaves that to the caller."""

    async def answering(call: IncomingCall) -> None:
        call.ring()
        if after:
            await asyncio.sleep(after)
        call.answer()
        if talk is not None:
            await asyncio.sleep(talk)
            await call.hang_up()

    return answering


def ring() -> Behaviour:
    """Rings until the caller gives up: nobody is at home."""

    async def ringing(call: IncomingCall) -> None:
        call.ring()

    return ringing


def busy() -> Behaviour:
    return refuse(486)


def decline() -> Behaviour:
    """603: no other phone of this user shall be tried either (§21.6.2)."""
    return refuse(603)


def refuse(status: int, after: float = 0.0) -> Behaviour:
    async def refusing(call: IncomingCall) -> None:
        if after:
            call.ring()
            await asyncio.sleep(after)
        call.refuse(status)

    return refusing


def redirect_to(*uris: str, status: int = 302) -> Behaviour:
    """The phone itself sends the caller elsewhere (call forwarding in the phone)."""

    async def redirecting(call: IncomingCall) -> None:
        call.refuse(status, [("Contact", f"<{uri}>") for uri in uris])

    return redirecting


def silent() -> Behaviour:
    """A phone that is there but never says anything."""

    async def silence(call: IncomingCall) -> None:
        return None

    return silence
