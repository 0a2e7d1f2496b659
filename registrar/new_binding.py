"""The binding that a Contact of a REGISTER asks for (§10.3 step 7). Pure."""

from __future__ import annotations

from registrar.contacts import other_parameters, storable
from registrar.identity import device_of
from sip.defence.sources import is_loopback, source_of
from sip.location import AddressOfRecord, Binding
from sip.message.address import Address
from sip.message.messages import Request
from sip.message.params import unquote
from sip.transport.flow import Flow, host_and_port

LONGEST_USER_AGENT = 200


class Source:
    """Where a REGISTER came from and on whose credentials (an address-of-record, empty when nobody asked)."""

    __slots__ = ("flow", "registered_by")

    def __init__(self, flow: Flow, registered_by: str = "") -> None:
        self.flow = flow
        self.registered_by = registered_by

    @property
    def is_local(self) -> bool:
        """Whether it came from this very machine."""
        return is_loopback(source_of(self.flow.remote[0]))


def new_binding(request: Request, address: Address, source: Source, record: AddressOfRecord, now: float) -> Binding:
    """Everything but what step 7 has to judge: q, expiry, Call-ID and CSeq, Path."""
    params, flow = address.params, source.flow
    new = Binding(
        user_id=record.user_id,
        aor=record.aor,
        contact=address.uri_text,
        expires_at=now,
        call_id="",
        cseq=0,
        flow=flow,
        transport=flow.protocol,
        received_from=host_and_port(*flow.remote),
        received_on=host_and_port(*flow.local),
        user_agent=storable((request.first("user-agent") or "")[:LONGEST_USER_AGENT]),
        registered_by=source.registered_by,
        created_at=now,
        refreshed_at=now,
    )
    if params:
        new.contact_parameters = other_parameters(params)
        new.instance_id, new.reg_id = device_of(address)
        new.methods = storable(unquote(params.get("methods") or ""))
    return new
