"""Phones that register as fast as they are answered, without passwords."""

from __future__ import annotations

import re
import select
import socket
from collections.abc import Iterator

DOMAIN = "load.test"


class Registrant:
    """A thousand phones on one socket: each user registers one contact, without a password."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.server = server
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.sent = 0

    def register(self, user: str, *, cseq: int = 1, contact: bool = True, domain: str = DOMAIN) -> None:
        fields = [
            f"REGISTER sip:{domain} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};rport;branch=z9hG4bK{user}.{cseq}",
            f"From: <sip:{user}@{domain}>;tag={user}",
            f"To: <sip:{user}@{domain}>",
            f"Call-ID: {user}.{cseq}@load",
            f"CSeq: {cseq} REGISTER",
            "Max-Forwards: 70",
        ]
        if contact:
            fields.append(f"Contact: <sip:{user}@127.0.0.1:{self.port}>;expires=600")
        self.socket.sendto(("\r\n".join([*fields, "Content-Length: 0"]) + "\r\n\r\n").encode(), self.server)
        self.sent += 1

    def answers(self, patience: float) -> Iterator[tuple[str, str]]:
        """(user, whole 200) of every 200 that arrives, until nothing came for ``patience`` seconds."""
        while select.select([self.socket], [], [], patience)[0]:
            text = self.socket.recv(65535).decode()
            if text.startswith("SIP/2.0 200 "):
                yield re.search(r"^Call-ID: (\S+?)\.", text, re.MULTILINE)[1], text
