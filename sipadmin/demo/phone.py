"""A test phone that registers, calls and is called over a real socket: for the demo and the end-to-end tests."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from sip.message.fields import Contacts, parse_contacts
from sip.message.messages import Request, Response, new_request
from sip.message.uri import Uri
from sipadmin.demo.agent import UserAgent
from sipadmin.demo.calls import Fields, OutgoingCall


class Phone(UserAgent):
    """What a person does with a phone: register, call, be called (``on_invite``), send a message.

    ``registered`` is the last 200 to a REGISTER.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.registered: Response | None = None
        self._registration_call_id = secrets.token_hex(12)
        self._registration_cseq = 0

    async def register(
        self,
        expires: int | None = 3600,
        *,
        for_aor: str = "",
        contacts: Sequence[str] | None = None,
        q: float | None = None,
        fields: Fields = (),
    ) -> Response:
        """REGISTER with this phone's contact, or with the Contact values given; an empty list is a query (§10.2.3).

        ``for_aor`` registers somebody else (third party, §10.2). Challenges are answered and 423 is followed.
        """
        if contacts is None:
            contacts = [f"<{self.contact}>" + (f";q={q:g}" if q is not None else "")]
        lines = [*fields, *(("Contact", contact) for contact in contacts)]
        response = await self._register(for_aor or self.aor, expires, lines)
        least = response.first("min-expires") or ""
        if response.status == 423 and least.isdigit() and int(least) > (expires or 0):
            # §10.2.8: the registrar names its minimum; ask again for that.
            response = await self._register(for_aor or self.aor, int(least), lines)
        if response.status == 200:
            self.registered = response
        return response

    async def unregister(self, *, everything: bool = False, for_aor: str = "") -> Response:
        """Removes this phone's contact, or with ``everything`` all contacts of the user (§10.2.2)."""
        return await self.register(0, contacts=["*"] if everything else None, for_aor=for_aor)

    async def bindings(self) -> Contacts:
        """What the registrar holds for this user (§10.2.3)."""
        response = await self.register(None, contacts=[])
        return parse_contacts(response.lines("contact"))

    async def _register(self, aor: str, expires: int | None, lines: Fields) -> Response:
        def build() -> Request:
            self._registration_cseq += 1
            fields = [("User-Agent", self.user_agent), *lines]
            if expires is not None:
                fields.append(("Expires", str(expires)))
            return new_request(
                "REGISTER",
                f"sip:{Uri.parse(aor).host}",
                from_=f"{self.address};tag={secrets.token_hex(4)}",
                to=f"<{aor}>",
                call_id=self._registration_call_id,
                cseq=self._registration_cseq,
                fields=fields,
            )

        return await self.exchange_with_credentials(build)

    async def request(
        self, method: str, uri: str, *, fields: Fields = (), body: bytes = b"", authenticate: bool = True
    ) -> Response:
        """Any request outside a dialog, such as OPTIONS or MESSAGE, and its final response."""
        call_id, tag, numbers = secrets.token_hex(12), secrets.token_hex(5), iter(range(1, 100))

        def build() -> Request:
            return new_request(
                method,
                uri,
                from_=f"{self.address};tag={tag}",
                to=f"<{uri}>",
                call_id=call_id,
                cseq=next(numbers),
                fields=[("Contact", f"<{self.contact}>"), ("User-Agent", self.user_agent), *fields],
                body=body,
            )

        return await (self.exchange_with_credentials(build) if authenticate else self.exchange(build()))

    def place_call(self, uri: str, *, follow: bool = True, fields: Fields = (), body: bytes = b"") -> OutgoingCall:
        """Starts a call and returns at once: await its ``ringing``, ``cancel`` or ``finished``."""
        return OutgoingCall(self, uri, follow=follow, fields=fields, body=body)

    async def call(self, uri: str, *, follow: bool = True, fields: Fields = (), body: bytes = b"") -> OutgoingCall:
        """Calls and waits for the final response; ``final_status`` of the call says how it went."""
        call = self.place_call(uri, follow=follow, fields=fields, body=body)
        await call.finished()
        return call
