"""What commands change is live in the running engine, and what the engine does is heard by who watches."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
from contextlib import closing
from uuid import uuid4

import pytest

from sipadmin.bus import EngineUnavailable, engine_command, watch
from tests.end_to_end.product import Product, wait_until
from tests.end_to_end.registrant import DOMAIN, Registrant


@pytest.fixture
def phones(product: Product) -> Registrant:
    """A domain without passwords, the users u1 to u3, and a socket for their phones."""
    product.manage("domain", DOMAIN, "--set", "auth_register=off", "enabled=on")
    put_users(product, "user,enabled", "u1,on", "u2,on", "u3,on")
    return Registrant(product.sip)


def put_users(product: Product, *lines: str) -> None:
    table = product.data / "live.csv"
    table.write_text("\n".join(lines) + "\n")
    product.manage("importusers", str(table), "--domain", DOMAIN)


def registers(phones: Registrant, user: str) -> bool:
    phones.register(user, cseq=phones.sent + 1)
    return any(name == user for name, _ in phones.answers(0.3))


def binding_ids(product: Product, user: str) -> list[int]:
    with closing(sqlite3.connect(product.data / "sipadmin.sqlite3")) as database:
        rows = database.execute(
            "SELECT b.id FROM registrar_binding b JOIN registrar_sipuser u ON u.id = b.user_id WHERE u.username = ?",
            [user],
        )
        return [row[0] for row in rows]


@pytest.mark.rule("R38")
def test_a_user_who_is_disabled_loses_the_binding_and_comes_back(product, phones):
    assert wait_until(lambda: registers(phones, "u1"))
    assert binding_ids(product, "u1")
    put_users(product, "user,enabled", "u1,off")
    assert wait_until(lambda: not binding_ids(product, "u1"))
    assert not registers(phones, "u1")
    put_users(product, "user,enabled", "u1,on")
    assert wait_until(lambda: registers(phones, "u1"))


def test_a_domain_is_live(product, phones):
    assert wait_until(lambda: registers(phones, "u2"))
    product.manage("domain", DOMAIN, "--set", "auth_register=on")
    assert wait_until(lambda: not registers(phones, "u2"))
    product.manage("domain", DOMAIN, "--set", "auth_register=off")
    assert wait_until(lambda: registers(phones, "u2"))


async def test_a_binding_is_announced_and_can_be_removed(product, phones, settings):
    settings.DATA_DIR = product.data
    assert await asyncio.to_thread(wait_until, lambda: registers(phones, "u3"))
    batches = watch(product.data)
    assert (await anext(batches))[0]["kind"] == "gap"

    async def next_change() -> tuple[str, str]:
        while True:
            for event in await anext(batches):
                if event["kind"] == "binding" and event["facts"]["aor"] == f"sip:u3@{DOMAIN}":
                    return event["facts"]["change"], event["facts"]["reason"]

    # The watch is only known to the engine once it has read it: register until a change is heard.
    heard = asyncio.create_task(next_change())
    while not heard.done():
        await asyncio.to_thread(registers, phones, "u3")
    assert (await heard)[0] == "refreshed"

    (binding_id,) = binding_ids(product, "u3")
    await asyncio.to_thread(engine_command, "remove_binding", id=binding_id)
    assert binding_ids(product, "u3") == []
    async with asyncio.timeout(10):
        while (change := await next_change())[0] != "removed":
            pass
    assert change == ("removed", "Removed by an administrator")
    with pytest.raises(EngineUnavailable, match="gone already"):
        await asyncio.to_thread(engine_command, "remove_binding", id=binding_id)
    await batches.aclose()


def test_ping_knows_the_listeners(product, settings):
    settings.DATA_DIR = product.data
    facts = engine_command("ping")
    assert {(one["protocol"], one["port"]) for one in facts["listeners"]} == {
        ("udp", product.sip[1]),
        ("tcp", product.sip[1]),
    }
    assert facts["uptime"] > 0


def test_call_forwarding_is_live(product, phones):
    put_users(product, "user,forward_always", "u1,sip:desk@127.0.0.1:9")
    assert wait_until(lambda: invite_status(product, "u1") != 480)
    put_users(product, "user,forward_always,do_not_disturb", "u1,,on")
    assert wait_until(lambda: invite_status(product, "u1") == 480)


def invite_status(product: Product, user: str) -> int:
    """Final status of a call to a user who has no phone."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
        caller.bind(("127.0.0.1", 0))
        caller.settimeout(5)
        token = uuid4().hex
        via = f"SIP/2.0/UDP 127.0.0.1:{caller.getsockname()[1]};branch=z9hG4bK{token}"
        text = (
            f"INVITE sip:{user}@{DOMAIN} SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\n"
            f"From: <sip:x@caller.example>;tag=1\r\nTo: <sip:{user}@{DOMAIN}>\r\nCall-ID: {token}\r\n"
            "CSeq: 1 INVITE\r\nContact: <sip:x@127.0.0.1>\r\n\r\n"
        )
        caller.sendto(text.encode(), product.sip)
        while (status := int(caller.recv(65535).split()[1])) < 200:
            pass
        return status
