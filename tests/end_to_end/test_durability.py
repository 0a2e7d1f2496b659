"""A REGISTER that was answered is kept, whatever happens to the process the moment after."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
from collections.abc import Iterator

import pytest

from tests.end_to_end.product import Product, wait_until

USERS = 3000
ANSWERS_BEFORE_DEATH = 800
OUTSTANDING = 64
DOMAIN = "load.test"


class Registrant:
    """A thousand phones on one socket: each user registers one contact, without a password."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.server = server
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.sent = 0

    def register(self, user: str, *, cseq: int = 1, contact: bool = True) -> None:
        fields = [
            f"REGISTER sip:{DOMAIN} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};rport;branch=z9hG4bK{user}.{cseq}",
            f"From: <sip:{user}@{DOMAIN}>;tag={user}",
            f"To: <sip:{user}@{DOMAIN}>",
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


@pytest.fixture
def own_product(tmp_path) -> Iterator[Product]:
    """Not the shared one: its sip process is going to be killed."""
    running = Product(tmp_path / "data")
    running.start()
    yield running
    running.stop()


@pytest.mark.rfc("3261", "10.3")
def test_kill_9_loses_no_answered_binding(own_product):
    own_product.manage("domain", DOMAIN, "--set", "auth_register=off")
    users = [f"u{number}" for number in range(USERS)]
    table = own_product.data / "load.csv"
    table.write_text("user\n" + "\n".join(users) + "\n")
    own_product.manage("importusers", str(table), "--domain", DOMAIN)
    load = Registrant(own_product.sip)
    # What the command changed is live within a second.
    assert wait_until(lambda: is_registered(load, users[-1])), own_product.text()

    victim = own_product.child("sip")
    answered = set()
    waiting = iter(users[:-1])
    for user in [next(waiting) for _ in range(OUTSTANDING)]:
        load.register(user)
    for user, _ in load.answers(5.0):
        answered.add(user)
        if len(answered) == ANSWERS_BEFORE_DEATH:
            os.kill(victim, signal.SIGKILL)
            break
        load.register(next(waiting))
    # Answers that were already on their way count too.
    answered.update(user for user, _ in load.answers(0.5))
    assert len(answered) >= ANSWERS_BEFORE_DEATH, own_product.text()
    assert len(answered) < load.sent, "the process had nothing left to do when it died"

    assert wait_until(lambda: own_product.get("/readyz")[0] == 200 and own_product.child("sip") != victim)
    late = Registrant(own_product.sip)
    found = set()
    questions = iter(sorted(answered))
    for user in [next(questions) for _ in range(OUTSTANDING)]:
        late.register(user, cseq=2, contact=False)
    for user, text in late.answers(2.0):
        if f"Contact: <sip:{user}@127.0.0.1:{load.port}>" in text:
            found.add(user)
        for following in questions:
            late.register(following, cseq=2, contact=False)
            break
    assert answered - found == set()
    assert "sip was ended by SIGKILL; starting it again" in "\n".join(own_product.output)


def is_registered(load: Registrant, user: str) -> bool:
    load.register(user, cseq=99 + load.sent)
    return any(True for _ in load.answers(0.2))
