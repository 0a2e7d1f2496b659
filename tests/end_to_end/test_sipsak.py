"""sipsak registers, asks with OPTIONS and sends messages through the product."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from sipadmin.demo.behaviours import answer
from sipadmin.demo.phone import Phone
from tests.end_to_end.enrolment import Enrolment
from tests.end_to_end.product import Product
from tests.end_to_end.programs import DEADLINE, Program, Programs, needs


@pytest.fixture(scope="module")
def domain(product: Product) -> Enrolment:
    # sipsak resolves the host of the URI it is given: the domain answers to loopback's own name.
    return Enrolment(product, "sipsak.test", {"alice": "", "bob": ""}, settings=["alias=127.0.0.1"])


def sipsak(
    domain: Enrolment, programs: Programs, name: str, *options: str, user: str = "bob", password: str = ""
) -> Program:
    password = password or domain.passwords[user]
    host, port = domain.server
    # -r, because it cuts the port of a URI to four digits; -i and -u, because it says so itself.
    command = [needs("sipsak"), "-s", f"sip:{user}@{host}", "-r", str(port), "-i", "-u", user, "-a", password, *options]
    return programs.start(command, name)


def test_options_to_the_server_itself(domain: Enrolment, programs: Programs) -> None:
    host, port = domain.server
    program = programs.start([needs("sipsak"), "-vv", "-s", f"sip:{host}", "-r", str(port)], "options")
    assert program.finish() == 0, program.output
    assert "SIP/2.0 200" in program.output


def test_registers_and_removes_a_contact(domain: Enrolment, programs: Programs) -> None:
    contact = "sip:bob@127.0.0.1:35099"
    program = sipsak(domain, programs, "register", "-U", "-C", contact, "-x", "300", "-vv")
    assert program.finish() == 0, program.output
    assert [binding["contact"] for binding in domain.bindings("bob")] == [contact]
    program = sipsak(domain, programs, "remove", "-U", "-C", "*", "-x", "0", "-vv")
    assert program.finish() == 0, program.output
    assert domain.bindings("bob") == []


def test_wrong_password_is_refused(domain: Enrolment, programs: Programs) -> None:
    program = sipsak(domain, programs, "guess", "-U", "-x", "300", "-vv", password="guess")
    assert program.finish() != 0
    assert domain.bindings("bob") == []


async def test_calls_a_phone(domain: Enrolment, programs: Programs) -> None:
    """Its invite mode crashes (0.9.8.1): it shoots a request of ours, answers the challenge and sends the ACK."""
    async with Phone(domain.aor("bob"), domain.passwords["bob"], domain.server, on_invite=answer()) as bob:
        await bob.register(300)
        programs.folder.joinpath("invite.sip").write_text(
            f"INVITE {domain.aor('bob')} SIP/2.0\nMax-Forwards: 70\nFrom: <{domain.aor('alice')}>;tag=1\n"
            f"To: <{domain.aor('bob')}>\nCall-ID: {secrets.token_hex(8)}\nCSeq: 1 INVITE\n"
            "Contact: <sip:alice@127.0.0.1:9>\nUser-Agent: sipsak 0.9.8.1\nContent-Length: 0\n\n"
        )
        host, port = domain.server
        command = [needs("sipsak"), "-vv", "-f", programs.folder / "invite.sip", "-s", f"sip:bob@{host}"]
        command += ["-r", str(port), "-u", "alice", "-a", domain.passwords["alice"]]
        program = programs.start(command, "call")
        code = await asyncio.to_thread(program.finish)
        incoming = await asyncio.wait_for(bob.incoming.get(), DEADLINE)
        await asyncio.wait_for(incoming.acknowledged.wait(), DEADLINE)
        await bob.unregister()
    assert code == 0, program.output
    attempt = domain.attempt("bob")
    assert (attempt["state"], attempt["status"]) == ("answered", 200)
