"""Which connection leads to a side of a dialog (§18.2.2, RFC 5626 §4.3).

The Contact of a phone on TCP often names a port where it does not listen. Its connection still stands, so requests of
the dialog go there. Over UDP a flow is kept only for a Contact that asks for it (``ob``, RFC 5626 §4.3). A restart ends
the connections as well; of UDP flows it loses those of running calls.
"""

from __future__ import annotations

from collections import OrderedDict

from sip.message.address import Address
from sip.message.errors import BadMessage
from sip.message.messages import Message
from sip.message.params import split_list
from sip.transport.flow import Flow

MOST_KEPT = 20_000  # sides of dialogs; the longest unused go first, and then their Contact is the way, as for others


class DialogFlows:
    """Flows by Call-ID and remote target. The Call-ID keeps one caller's Contact from diverting another's dialog."""

    def __init__(self, most_kept: int = MOST_KEPT) -> None:
        self._flows: OrderedDict[tuple[str, str], Flow] = OrderedDict()
        self._most_kept = most_kept

    def __len__(self) -> int:
        return len(self._flows)

    def remember(self, message: Message, flow: Flow) -> None:
        """A message of a dialog came by this flow: its Contact is reached there."""
        value = message.first("contact")
        if not value or not (flow.is_reliable or ";ob" in value):
            return
        try:
            contact = Address.parse(split_list(value)[0]).uri
            if not flow.is_reliable and "ob" not in contact.params:
                return
            key = (message.call_id, contact.without_headers_and_method().text)
        except (BadMessage, IndexError):
            return
        flows = self._flows
        flows[key] = flow
        flows.move_to_end(key)
        if len(flows) > self._most_kept:
            flows.popitem(last=False)

    def flow_for(self, call_id: str, uri_text: str) -> Flow | None:
        """The flow to that remote target in that call, if it is open."""
        flows = self._flows
        if not flows:
            return None
        key = (call_id, uri_text)
        flow = flows.get(key)
        if flow is None:
            return None
        if not flow.is_open:
            del flows[key]
            return None
        flows.move_to_end(key)
        return flow
