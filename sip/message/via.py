"""The Via header field value (§20.42, RFC 3581)."""

from __future__ import annotations

import re

from sip.message.errors import BadMessage
from sip.message.params import format_params, parse_params, printable
from sip.message.uri import split_host_port

MAGIC_COOKIE = "z9hG4bK"  # §8.1.1.7

_VALUE = re.compile(
    r"\s*([^\s/;,]+)\s*/\s*([^\s/;,]+)\s*/\s*([^\s/;,]+)\s+(\[[^\]\s]*\]|[^\s:;,\[]+)\s*(?::\s*([0-9]+))?\s*(;.*)?\Z",
    re.DOTALL,
)


# The spelling nearly every hop uses; any other goes through the expression above.
_USUAL = {f"SIP/2.0/{name}": name for name in ("UDP", "TCP", "TLS", "WS", "WSS")}


class Via:
    """One hop. ``transport`` in upper case, ``host`` in lower case, ``port`` None when absent."""

    __slots__ = ("host", "params", "port", "protocol", "transport")

    def __init__(
        self,
        transport: str,
        host: str,
        port: int | None,
        params: dict[str, str | None],
        protocol: str = "SIP/2.0",
    ) -> None:
        self.protocol = protocol
        self.transport = transport
        self.host = host
        self.port = port
        self.params = params

    @staticmethod
    def parse(text: str) -> Via:
        """Via from one value; BadMessage when malformed."""
        sent_protocol, _, rest = text.partition(" ")
        usual = _USUAL.get(sent_protocol)
        if usual is not None and " " not in rest:
            sent_by, _, parameters = rest.partition(";")
            host, port = split_host_port(sent_by)
            return Via(usual, host, port, parse_params(parameters))
        match = _VALUE.match(text)
        if match is None:
            raise BadMessage(f"Malformed Via {printable(text)}", field="via")
        name, version, transport, host, port_text, params = match.groups()
        host, port = split_host_port(host if port_text is None else f"{host}:{port_text}")
        return Via(transport.upper(), host, port, parse_params(params or ""), f"{name}/{version}".upper())

    @property
    def branch(self) -> str:
        """Branch parameter, empty when absent."""
        return self.params.get("branch") or ""

    @property
    def has_magic_cookie(self) -> bool:
        # §25.1 makes the cookie a literal, and literals compare without regard to case (§7.3.1).
        return self.branch[:7].lower() == "z9hg4bk"

    @property
    def sent_by(self) -> str:
        """``host`` or ``host:port`` as in the value."""
        return self.host if self.port is None else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.protocol}/{self.transport} {self.sent_by}{format_params(self.params)}"
