"""Calls over TLS and secure WebSockets can be read in the console, for the server itself keeps their messages."""

from __future__ import annotations

import socket
import sqlite3
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.end_to_end.product import Product, free_port, wait_until

# The server's own certificate, which nobody else has signed.
TRUSTING = ssl._create_unverified_context()


def invite(transport: str) -> str:
    return "\r\n".join(
        [
            "INVITE sip:nobody@encrypted.test SIP/2.0",
            f"Via: SIP/2.0/{transport.upper()} phone.invalid;branch=z9hG4bK-{transport}",
            "Max-Forwards: 70",
            "From: <sip:zoe@elsewhere.example>;tag=1",
            "To: <sip:nobody@encrypted.test>",
            f"Call-ID: {transport}-call",
            "CSeq: 1 INVITE",
            "Contact: <sip:zoe@phone.invalid>",
            "Content-Length: 0",
            "",
            "",
        ]
    )


class Server:
    def __init__(self, folder: Path) -> None:
        self.tls, self.wss = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_STREAM)
        self.product = Product(folder)
        self.product.launch("--sip", f"tls:127.0.0.1:{self.tls}", "--sip", f"wss:127.0.0.1:{self.wss}")
        self.product.wait_ready()
        self.product.manage("domain", "encrypted.test")

    def kept(self, call_id: str) -> list[tuple[str, int, str]]:
        """Transport, whether received, and start line of the messages of a call."""
        with sqlite3.connect(self.product.data / "sipadmin.sqlite3") as database:
            return database.execute(
                "SELECT transport, is_received, first_line FROM proxy_callmessage WHERE conversation IN "
                "(SELECT id FROM proxy_callattempt WHERE call_id = ?) ORDER BY sequence",
                [call_id],
            ).fetchall()

    def call_by_tls(self) -> None:
        with (
            socket.create_connection(("127.0.0.1", self.tls), 10) as plain,
            TRUSTING.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            connection.sendall(invite("tls").encode())
            answer = b""
            while b"404" not in answer:
                answer += connection.recv(4096)

    def call_by_wss(self) -> None:
        address = f"wss://127.0.0.1:{self.wss}/"
        with connect(address, ssl=TRUSTING, subprotocols=["sip"], origin=None, proxy=None) as phone:  # type: ignore[list-item]
            phone.send(invite("wss"))
            while "404" not in str(phone.recv(10)):
                pass


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    found = Server(tmp_path_factory.mktemp("encrypted") / "data")
    yield found
    found.product.stop()


@pytest.mark.parametrize("transport", ["tls", "wss"])
def test_the_messages_are_kept_in_the_clear(server: Server, transport: str) -> None:
    server.call_by_tls() if transport == "tls" else server.call_by_wss()
    wanted = [
        (transport, 1, "INVITE sip:nobody@encrypted.test SIP/2.0"),
        (transport, 0, "SIP/2.0 100 Trying"),
        (transport, 0, "SIP/2.0 404 Not Found"),
    ]
    assert wait_until(lambda: server.kept(f"{transport}-call")[:3] == wanted), server.kept(f"{transport}-call")
