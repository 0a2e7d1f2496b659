"""A REGISTER that was answered is kept, whatever happens to the process the moment after."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.end_to_end.product import Product, wait_until
from tests.end_to_end.registrant import DOMAIN, Registrant

USERS = 3000
ANSWERS_BEFORE_DEATH = 800
OUTSTANDING = 64


@pytest.fixture
def own_product(tmp_path) -> Iterator[Product]:
    """Not the shared one: its sip process is going to be killed."""
    running = Product(tmp_path / "data")
    running.start()
    yield running
    running.stop()


@pytest.mark.rfc("3261", "10.3")
@pytest.mark.threat(33)
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
