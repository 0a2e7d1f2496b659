"""sipsak registers, asks with OPTIONS and sends messages through the product."""

from __future__ import annotations

import pytest

from tests.end_to_end.enrolment import Enrolment
from tests.end_to_end.product import Product
from tests.end_to_end.programs import Program, Programs, needs


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


def test_invites_itself_through_the_proxy(domain: Enrolment, programs: Programs) -> None:
    program = sipsak(domain, programs, "call", "-U", "-I", "-vv")
    assert program.finish() == 0, program.output
