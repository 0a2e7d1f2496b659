"""The edge proxy's part of RFC 5626: the flow of a phone that registers elsewhere through us, named in its Path.

The Path value carries the flow in its user part, signed. A request that comes back with it goes out on that flow and on
no other way; 430 when the flow is gone (§5.3). UDP flows are in the value itself, connections are remembered.
"""

from __future__ import annotations

from base64 import b32decode, b32encode
from hashlib import blake2b
from hmac import compare_digest

from proxy.core.facts import Refuse
from sip.endpoint import Endpoint
from sip.message.address import Address
from sip.message.errors import BadMessage
from sip.message.messages import Request
from sip.message.uri import split_host_port
from sip.transport.flow import Flow, bare_host

START = "flow."  # of the user part, for people who read traces
_SIGNATURE = 18  # characters: a guess is right once in 2**90


class EdgeFlows:
    """``secret`` should outlive a restart, or the phones behind us are not reached until they register again."""

    def __init__(self, endpoint: Endpoint, secret: bytes) -> None:
        self._endpoint = endpoint
        self._key = blake2b(secret, digest_size=32, person=b"edge flows").digest()
        self._connections: dict[str, Flow] = {}  # by id, while they are open
        endpoint.when_flow_closes(lambda flow: self._connections.pop(flow.id, None))

    def __len__(self) -> int:
        return len(self._connections)

    def note(self, request: Request, flow: Flow) -> bool:
        """Put our Path on a REGISTER that is on its way to another registrar, where the phone asks for it and is
        connected to us (RFC 5626 §5.1); False where it does not."""
        tags = {tag.lower() for tag in [*request.values("supported"), *request.values("require")]}
        is_first_hop = len(request.values("via")) == 1 and not flow.is_multicast
        if not is_first_hop or not {"path", "outbound"} <= tags:
            return False
        if flow.is_reliable:
            self._connections[flow.id] = flow
        listener = self._endpoint.listener_of(flow)
        address = listener.sip_uri()[len("<sip:") : -1]
        request.add_top("Path", f"<sip:{self._token(flow.id)}@{address};ob>")
        return True

    def flow_for(self, request: Request, source: Flow) -> Flow | Refuse | None:
        """The flow that the topmost Route names; a refusal when it is gone or forged; None when it names none, or the
        request came by that very flow and is on its way out (§5.3)."""
        if not request.has("route") or f":{START}" not in (request.first("route") or ""):
            return None
        try:
            uri = Address.parse(request.values("route")[0]).uri
        except BadMessage:
            return None  # whoever reads the Route says so
        if not uri.username.startswith(START) or not self._endpoint.is_own_address(uri.host, uri.port):
            return None
        flow_id = self._opened(uri.username[len(START) :])
        if flow_id is None:
            return Refuse(403, "Forbidden", "The flow in its Route was not signed by this server: 403")
        if flow_id == source.id:
            return None
        flow = self._flow_of(flow_id)
        if flow is None or not flow.is_open:
            return Refuse(430, "Flow Failed", "The phone has lost its connection to this server: 430")
        return flow

    def _token(self, flow_id: str) -> str:
        text = b32encode(flow_id.encode()).decode().rstrip("=").lower()
        return f"{START}{text}{self._signature(flow_id)}"

    def _signature(self, flow_id: str) -> str:
        return (
            b32encode(blake2b(flow_id.encode(), digest_size=12, key=self._key).digest()).decode()[:_SIGNATURE].lower()
        )

    def _opened(self, token: str) -> str | None:
        text, signature = token[:-_SIGNATURE].upper(), token[-_SIGNATURE:].lower()
        try:
            flow_id = b32decode(text + "=" * (-len(text) % 8)).decode()
        except ValueError:
            return None
        given = signature.encode("utf-8", "surrogateescape")
        return flow_id if compare_digest(given, self._signature(flow_id).encode()) else None

    def _flow_of(self, flow_id: str) -> Flow | None:
        if not flow_id.startswith("udp:"):
            return self._connections.get(flow_id)
        local_text, _, remote_text = flow_id[len("udp:") :].partition("-")
        local_host, local_port = split_host_port(local_text)
        remote_host, remote_port = split_host_port(remote_text)
        local = (bare_host(local_host), local_port or 0)
        for one in self._endpoint.listeners:
            is_there = one.host == local[0] or (one.is_wildcard and one.is_ipv6 == (":" in local[0]))
            if one.protocol == "udp" and one.port == local[1] and is_there:
                return Flow("udp", local, (bare_host(remote_host), remote_port or 0), one.channel)
        return None
