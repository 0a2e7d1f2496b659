"""One OPTIONS to our own listener over a real socket, as a stranger would ask (§11)."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from secrets import token_hex
from typing import Any

from sip.transport.flow import host_and_port

TIMEOUT = 1.0  # seconds for each try
TRIES = 2  # a datagram may be lost, even here under load
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def ask_options(listeners: Sequence[dict[str, Any]]) -> str:
    """ "ok" when the first UDP or TCP listener answers, else a sentence. ``listeners`` as `ping` names them.

    Where there are TLS and WebSocket listeners only, their ports are asked for a connection.
    """
    one = next((one for one in listeners if one["protocol"] in ("udp", "tcp")), listeners[0])
    host, port = LOOPBACK.get(one["host"], one["host"]), int(one["port"])
    place = f"{one['protocol']} {host_and_port(host, port)}"
    try:
        if one["protocol"] == "udp":
            answer = ask_by_udp(host, port)
        else:
            answer = ask_by_stream(host, port, one["protocol"] == "tcp")
    except OSError as error:
        return f"No answer to OPTIONS from {place}: {error}."
    if answer is not None and not answer.startswith("SIP/2.0 "):
        return f"{place} answered OPTIONS with something else than SIP."
    return "ok"


def ask_by_udp(host: str, port: int) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asker:
        asker.connect((host, port))
        asker.settimeout(TIMEOUT)
        request = options(host, port, "UDP", asker.getsockname()[:2])
        for attempt in range(TRIES):
            asker.send(request)
            try:
                return asker.recv(65535).decode("utf-8", "replace")
            except TimeoutError:
                if attempt == TRIES - 1:
                    raise
    raise AssertionError("unreachable")


def ask_by_stream(host: str, port: int, is_sip: bool) -> str | None:
    """The answer, or None where a connection is all that is asked for."""
    with socket.create_connection((host, port), TIMEOUT) as asker:
        if not is_sip:
            return None
        asker.settimeout(TIMEOUT)
        asker.sendall(options(host, port, "TCP", asker.getsockname()[:2]))
        return asker.recv(65535).decode("utf-8", "replace")


def options(host: str, port: int, transport: str, local: tuple[str, int]) -> bytes:
    place = host_and_port(host, port)
    lines = [
        f"OPTIONS sip:{place} SIP/2.0",
        f"Via: SIP/2.0/{transport} {host_and_port(*local)};rport;branch=z9hG4bK{token_hex(8)}",
        "Max-Forwards: 0",  # for us and nobody behind us
        f"From: <sip:health@{place}>;tag={token_hex(4)}",
        f"To: <sip:{place}>",
        f"Call-ID: {token_hex(8)}",
        "CSeq: 1 OPTIONS",
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
